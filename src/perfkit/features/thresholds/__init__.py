"""Thresholds: a word in the log, and to a function of yours, when responses get slow or fail."""

from perfkit.features.thresholds._feature import Thresholds
from perfkit.features.thresholds._match import Match
from perfkit.features.thresholds._options import Rule, ThresholdsOptions
from perfkit.features.thresholds._report import Report

__all__ = ["Match", "Report", "Rule", "Thresholds", "ThresholdsOptions"]
