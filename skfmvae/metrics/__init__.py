"""Measures of disentanglement, of control and of calibration."""

from .calibration import (
    ConfidenceBins,
    confidence_bins,
    expected_calibration_error,
)
from .control import PropertyShares, controllability, specificity
from .disentanglement import (
    DCIScores,
    dci,
    mutual_information_gap,
    separated_attribute_predictability,
)

__all__ = [
    "ConfidenceBins",
    "DCIScores",
    "PropertyShares",
    "confidence_bins",
    "controllability",
    "dci",
    "expected_calibration_error",
    "mutual_information_gap",
    "separated_attribute_predictability",
    "specificity",
]
