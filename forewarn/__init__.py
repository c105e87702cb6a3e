"""forewarn: early warning for service requests and complaints."""

import os

__version__ = "0.1.0"

# NumPy reads it when it is first imported. Our products are many and small: threads for each cost more than they
# save, and on a busy machine a hundred times more.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
