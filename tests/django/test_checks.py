"""`manage.py check`: what it says of PERFKIT and of the place in MIDDLEWARE."""

import pytest
from django.test import override_settings
from django.urls import path

from perfkit.django import PerfkitMiddleware, checks, reports_view
from perfkit.django.checks import check_perfkit
from perfkit.django.middleware import FeatureMiddleware

PERFKIT = "perfkit.django.PerfkitMiddleware"
TIMING = "perfkit.django.TimingMiddleware"
SECURITY_HEADERS = "perfkit.django.SecurityHeadersMiddleware"
CORS = "corsheaders.middleware.CorsMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
CLICKJACKING = "django.middleware.clickjacking.XFrameOptionsMiddleware"


class Subclass(PerfkitMiddleware):
    """A project's own, as docs/extending.md shows it."""


def said(middleware, **perfkit):
    with override_settings(MIDDLEWARE=middleware, PERFKIT=perfkit):
        return check_perfkit(None)


def ids(middleware, **perfkit):
    return [message.id for message in said(middleware, **perfkit)]


def test_a_good_project_hears_nothing():
    assert said([PERFKIT, COMMON]) == []


def test_a_project_without_perfkit_in_its_chain_hears_nothing():
    assert said([SECURITY, COMMON]) == []


def test_a_project_without_the_setting_runs_on_the_defaults(settings_without_perfkit):
    assert check_perfkit(None) == []


def test_a_bad_setting_is_an_error_with_its_path_and_the_mend():
    (error,) = said([PERFKIT], timing={"cpus": True})
    assert error.id == "perfkit.E001"
    assert error.is_serious()
    assert "timing.cpus" in error.msg
    assert "'cpu'" in f"{error.msg} {error.hint}"


def test_every_bad_section_is_named():
    errors = said([PERFKIT], timing={"cpu": "often"}, security_headers=3, speed=True)
    assert [error.id for error in errors] == ["perfkit.E001"] * 3
    assert {word for error in errors for word in ("timing", "security_headers", "speed") if word in error.msg} == {
        "timing",
        "security_headers",
        "speed",
    }


@pytest.mark.parametrize("twin", [SECURITY, CLICKJACKING])
def test_a_middleware_of_django_that_does_the_same_is_named(twin):
    (warning,) = said([PERFKIT, twin])
    assert warning.id == "perfkit.W001"
    assert twin in warning.msg
    assert "PERFKIT['security_headers'] = False" in warning.hint


def test_no_double_work_where_the_feature_is_off():
    assert said([PERFKIT, SECURITY], security_headers=False) == []


@pytest.mark.parametrize(
    ("twin", "section"),
    [
        ("django.middleware.gzip.GZipMiddleware", "compression"),
        ("django.middleware.http.ConditionalGetMiddleware", "conditional_get"),
    ],
)
def test_the_table_of_twins_covers_what_later_features_do(twin, section):
    assert checks.DOUBLE_WORK[twin] == section


def test_what_stands_outside_is_named():
    (warning,) = said([COMMON, "x.Unknown", PERFKIT])
    assert warning.id == "perfkit.W002"
    assert COMMON in warning.msg
    assert "x.Unknown" in warning.msg
    assert "first place" in warning.hint


def test_single_features_in_order_are_fine():
    assert said([TIMING, SECURITY_HEADERS, COMMON]) == []


def test_single_features_in_the_wrong_order_are_named():
    (warning,) = said([SECURITY_HEADERS, TIMING])
    assert warning.id == "perfkit.W003"
    assert f"Move {TIMING} before {SECURITY_HEADERS}" in warning.hint


@pytest.mark.parametrize("chain", [[PERFKIT, TIMING], [TIMING, TIMING], [PERFKIT, f"{__name__}.Subclass"]])
def test_a_feature_that_runs_twice_is_named(chain):
    assert "perfkit.W004" in ids(chain)


def test_a_place_to_report_to_that_nobody_answers_is_named():
    def reports_to(url):
        return {"csp": {"html": "self"}, "reporting": {"csp": url}}

    with override_settings(ROOT_URLCONF=(path("reports/", reports_view()),)):
        (warning,) = said([PERFKIT], security_headers=reports_to("/reports"))
        assert warning.id == "perfkit.W005"
        assert "/reports," in warning.msg
        assert said([PERFKIT], security_headers=reports_to("/reports/?from=browser")) == []
        assert said([PERFKIT], security_headers=reports_to("https://reports.example/")) == []


@pytest.mark.parametrize("key", ["user", ["user", "ip"]])
def test_a_rate_limit_by_user_without_authentication_is_named(key):
    rules = [{"name": "api", "limits": "1/minute", "key": key}]
    (warning,) = said([PERFKIT], rate_limit={"rules": rules})
    assert warning.id == "perfkit.W006"
    assert "The rate limits api count by user" in warning.msg
    assert said([PERFKIT, "own.AuthenticationMiddleware"], rate_limit={"rules": rules}) == []
    assert said([PERFKIT], rate_limit={"rules": [{"name": "api", "limits": "1/minute"}]}) == []


def limits(**options):
    return {"rate_limit": {"rules": [{"name": "ip", "limits": "1/minute", **options}]}}


@pytest.mark.parametrize("ours", [PERFKIT, "perfkit.django.RateLimitMiddleware"])
def test_a_rate_limit_whose_refusals_pages_cannot_read_is_named(ours):
    (warning,) = said([ours, COMMON, CORS], **limits())
    assert warning.id == "perfkit.W007"
    assert warning.hint == f"Move {CORS} before {ours}."


def test_cors_belongs_outside_of_a_rate_limit():
    assert said([CORS, PERFKIT, COMMON], **limits()) == []
    (warning,) = said([COMMON, CORS, PERFKIT], **limits())
    assert warning.id == "perfkit.W002"
    assert COMMON in warning.msg
    assert CORS not in warning.msg
    (warning,) = said([CORS, PERFKIT, COMMON])
    assert warning.id == "perfkit.W002"


def test_cors_inside_is_fine_where_nothing_is_refused_before_it():
    assert said([PERFKIT, CORS]) == []
    assert said([PERFKIT, CORS], rate_limit=True) == []
    assert said([PERFKIT, CORS], **limits(shadow=True)) == []
    assert said([PERFKIT, CORS], **limits(match={"route": "books/"})) == []
    assert said([PERFKIT, "own.AuthenticationMiddleware", CORS], **limits(key="user")) == []
    assert said([TIMING, CORS], **limits()) == []


def test_a_middleware_that_cannot_be_imported_is_left_to_django():
    assert said([PERFKIT, "no.such.Middleware"]) == []


def test_the_app_registers_the_checks():
    from django.core.checks.registry import registry

    assert check_perfkit in registry.get_checks()


def test_every_feature_has_a_middleware():
    from perfkit.features import FEATURES

    classes = {cls.section for cls in FeatureMiddleware.__subclasses__()}
    assert classes == {feature.section for feature in FEATURES}
