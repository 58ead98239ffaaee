"""Images as rows: augmentation, a distance, oriented gradients, shapes."""

from .augmentation import ImageAugmentation
from .distortion import ImageDistortion
from .oriented_gradients import OrientedGradients
from .shapes import image_shape_of, square_image_shape

__all__ = [
    "ImageAugmentation",
    "ImageDistortion",
    "OrientedGradients",
    "image_shape_of",
    "square_image_shape",
]
