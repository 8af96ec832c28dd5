"""Python's garbage collector has seen the modules and 5,000 collected tests once and for all.

They live as long as the process, and walking over them again took a tenth of its time.
"""

import gc


def pytest_collection_finish() -> None:
    """Leave what is there out of every collection from now on."""
    gc.collect()
    gc.freeze()
