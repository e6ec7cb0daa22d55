"""What can go wrong with the local stack.

StackError              everything below; its text is one clear message for a person
├── NotAnsweringError   addresses were given, and a server there does not answer
├── MissingToolError    a program is not installed and cannot be installed from here
├── StartError          a server was started and did not come up; the tail of its log is in the message
├── BusyError           another `up` or `down` holds the folder for too long
└── ToolError           one of Kafka's command line tools, or of Docker's, ended with an error
"""


class StackError(Exception):
    """The local stack cannot do what was asked; the message says why and what helps."""


class NotAnsweringError(StackError):
    """An address was given and nobody answers there."""


class MissingToolError(StackError):
    """A program is missing and this user cannot install it."""


class StartError(StackError):
    """A server did not come up in time, or ended."""


class BusyError(StackError):
    """Another command is at work on the same folder."""


class ToolError(StackError):
    """A command line tool of Kafka's or Docker's ended with an error."""
