"""Measures of disentanglement, of control, of calibration and of generated rows."""

from .calibration import (
    ConfidenceBins,
    confidence_bins,
    expected_calibration_error,
)
from .control import PropertyShares, controllability, specificity
from .detection import detection_score
from .disentanglement import (
    DCIScores,
    dci,
    mutual_information_gap,
    separated_attribute_predictability,
)
from .diversity import ValueDiversity, diversity
from .neighbours import neighbour_distance_ratio
from .styles import style_correlation
from .utility import utility_score

__all__ = [
    "ConfidenceBins",
    "DCIScores",
    "PropertyShares",
    "ValueDiversity",
    "confidence_bins",
    "controllability",
    "dci",
    "detection_score",
    "diversity",
    "expected_calibration_error",
    "mutual_information_gap",
    "neighbour_distance_ratio",
    "separated_attribute_predictability",
    "specificity",
    "style_correlation",
    "utility_score",
]
