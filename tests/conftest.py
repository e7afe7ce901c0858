"""What every test may rely on, however the test run itself was started."""

import signal


def pytest_configure() -> None:
    """Listen to Ctrl-C and hang-ups again.

    A shell that starts the tests in the background, or under nohup, has both ignored, and every
    process that a test starts would inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
