import numpy as np
import pytest
from scipy import sparse


@pytest.fixture(params=[np.asarray, sparse.csr_matrix, sparse.csr_array])
def container(request):
    return request.param
