"""The words the stock is made of. Plain data: `stock.py` and `prose.py` put them together."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words("""
    Ada Agnes Amir Anselm Astrid Beatriz Bram Camille Chidi Clara Dara Dmitri Edith Elif Emeka Esther Farid Fergus Freya
    Gideon Greta Hana Henrik Imani Ines Ingrid Ismael Iván Jonas Josephine Kenji Klára Leila Lorenzo Lucía Magnus Maren
    Margot Matteo Mei Milan Nadia Noor Olga Oscar Petra Quentin Rafael Renée Rosa Samira Sören Sylvie Tamsin Tomás
    Ursula Viktor Wanda Yusuf Zoë
""")

LAST_NAMES = _words("""
    Abara Achterberg Alvarez Andrade Bakker Beaumont Bellweather Bergström Blackwood Calloway Castellan Chen Cordeiro
    Dahl Delacroix Drummond Eriksen Fairweather Farrow Fontaine Galloway Grimaldi Hallam Hargreaves Hartmann Holloway
    Ibarra Ivanova Jansen Kaminski Kessler Kowalczyk Lindqvist Lockhart Maalouf Marchetti Marlowe Mbeki Moreau Müller
    Nakamura Novák Okafor Oyelaran Park Pemberton Quill Ramires Rasmussen Rosenthal Saito Salazar Seabrook Silva
    Sørensen Strand Sutherland Takeda Thornbury Underhill Vance Varga Vermeer Vogel Whitlock Winterbourne Yamada Zapata
    Zielinski
""")

PLACES = _words("""
    Aleppo Antwerp Bergen Bilbao Bristol Cádiz Cairo Cork Cusco Dakar Dresden Dublin Esfahan Galway Ghent Gdańsk Hobart
    Istanbul Kraków Kyoto Lagos Lisbon Ljubljana Lviv Madeira Malmö Marseille Montevideo Nairobi Oaxaca Odesa Oslo
    Palermo Patagonia Porto Quito Riga Samarkand Sarajevo Tallinn Tbilisi Trieste Uppsala Valparaíso Vilnius York
    Zanzibar
""")

ADJECTIVES = _words("""
    amber ancient borrowed bright broken brittle careful crooked distant drowned early empty faithful forgotten gentle
    gilded golden half-built hidden hollow honest invisible last late little lonely long lost lucky mended nameless
    narrow northern ordinary painted patient quiet reluctant restless salt second secret silent slow small solitary
    stubborn sudden unwritten velvet wandering wild winter
""")

NOUNS = _words("""
    almanac archive atlas balcony beekeeper bell bridge cartographer cathedral chandler clockmaker compass cook
    correspondent courtyard engine fence ferry fiddler fisherman garden glassblower gravedigger harbour house index
    island juror kitchen ladder lantern ledger lighthouse locksmith map mapmaker meadow mill mirror observatory orchard
    orchestra piano pilgrim postman printer railway recipe river rope saddler season seamstress shepherd signal stair
    station storm surveyor tailor telegraph tide translator umbrella valley violin voyage watchman weaver well window
""")

TAGS = _words("""
    adventure architecture art biography business children classics comedy cooking crime drama economics essays fantasy
    folklore gardening history horror letters maritime memoir music mystery nature philosophy poetry romance science
    short-stories travel
""")

TITLES = (
    "The {adjective} {noun}",
    "The {noun} and the {other}",
    "A {noun} in {place}",
    "The {noun} of {place}",
    "Notes from the {adjective} {noun}",
    "The {adjective} {noun} of {place}",
)

HOUSES = ("{name} & {partner}", "{noun} Press", "{place} Books", "{adjective} {noun} Editions", "{name} House")

BLURBS = (
    "When the {noun} of {place} falls silent, {name} has one {adjective} week to find out why.",
    "{name} has kept the {noun} for thirty years, and has never told anyone what lies behind the {adjective} {other}.",
    "Part memoir and part {noun}, the story of a {adjective} family and the {other} that would not leave it alone.",
    "From {place} to the {adjective} coast, three generations follow a {noun} that was never meant to travel.",
    "Nobody in {place} remembers who built the {adjective} {noun}; everybody remembers who burned it.",
    "Drawing on letters found under a {noun}, the author rebuilds a {adjective} summer in {place}, hour by hour.",
    "A {adjective} {noun} arrives by the morning post, addressed to {name}, who has been dead for a year.",
    "With the patience of a {noun}, {name} takes apart the {adjective} century in which {place} lost its {other}.",
    "It begins with a {noun} and ends with a {other}; in between, {place} will not be the same.",
    "This edition has a new preface, {adjective} illustrations and a map of {place} as the {noun} knew it.",
)

OPENINGS = (
    "I bought this for the cover and stayed for the {noun}.",
    "My book group could not agree about the {adjective} {noun}.",
    "Read in two evenings on a train from {place}.",
    "Recommended by the owner of a {adjective} shop in {place}.",
    "I had been waiting for this since the author's last book.",
    "A present, and not one I would have picked for myself.",
)

VERDICTS = {
    1: (
        "I gave up halfway: the {noun} never comes to life and the ending is {adjective} for its own sake.",
        "The binding came apart before the plot did, though not by much.",
    ),
    2: (
        "There is a good essay in here, buried under a {adjective} {noun} and far too many footnotes.",
        "The chapters about {place} are fine; the rest needed an editor.",
    ),
    3: (
        "Pleasant enough, if you can forgive the {adjective} {noun} in the middle.",
        "I liked the {noun} more than the people, which may be the point.",
    ),
    4: (
        "Warm, funny and very well informed about the {noun}; it loses its way only once, in {place}.",
        "A {adjective} book that trusts its reader. I will look for the others.",
    ),
    5: (
        "The best thing I have read about a {noun} in years, and the last page is perfect.",
        "I finished it, turned it over and began again. {place} will never look the same.",
    ),
}
