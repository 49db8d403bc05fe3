"""Errors that a user can cause, and the exit codes of the commands.

Every message says what was found, what was expected and what to do.
"""
EXIT_OK = 0
EXIT_USER_ERROR = 2       #: Not done what was asked: bad input, no device, no data.
EXIT_DIVERGED = 3         #: A training stopped since a loss was not a finite number.
EXIT_INTERRUPTED = 130    #: Ctrl-C in a command that had nothing to save.
EXIT_NO_READER = 141      #: Whoever read the output left (``| head``); of shells, for SIGPIPE.


class TGANError(Exception):
    """Base class of everything the user can fix."""

    exit_code = EXIT_USER_ERROR


class ConfigError(TGANError):
    """An experiment file has an unknown key, class or argument, or a value of the wrong type."""


class DataError(TGANError):
    """A data file is missing, damaged, or not of the documented format."""


class DeviceError(TGANError):
    """The requested GPU cannot be used."""


class SnapshotError(TGANError):
    """A snapshot or a result folder is missing, damaged, or of another network."""


class DivergedError(TGANError):
    """A reported loss is NaN or infinite."""

    exit_code = EXIT_DIVERGED
