"""The errors that cross a layer, each with the reason somebody has to catch it.

An error's text is one line that says what was wrong and what to do: it reaches people on the command line and
models through the tool edge as it stands.
"""

from collections.abc import Sequence


class StepwardenError(Exception):
    """Base of everything here: the tool edge answers with its text and keeps the connection alive."""


class SettingsError(StepwardenError):
    """A setting has no usable value: the command line prints it and exits, nothing is started."""


class StoreError(StepwardenError):
    """The store could not do what was asked, and nothing of the call was recorded: the same call may be sent again."""


class StoreUnreadable(StoreError):
    """The store cannot be read as ours (damaged, foreign, or of a newer schema); it was left untouched."""


class NewerRun(StoreUnreadable):
    """A newer stepwarden wrote this run: it is left alone by an older one."""


class StoreReadOnly(StoreError):
    """The store can be read and not written (permissions, a read-only mount): the user has to make it writable."""


class StoreReplaced(StoreError):
    """The store is not the one that this process knew: it was restored, replaced or emptied. The next call goes on."""


class StoreBusy(StoreError):
    """Another process held the store for too long: sending the same call again is safe."""


class VersionConflict(StoreError):
    """The stream moved on since it was read: the caller loads it anew and decides again."""


class UnknownStream(StoreError):
    """No stream has this id, or it belongs to another principal: the caller says so without telling which."""


class OtherKind(StoreError):
    """The stream is of another kind than was asked for, such as a chat: the agent has to call another tool for it."""


class RunRefused(StepwardenError):
    """A run cannot be started, or a word to one changes nothing: the text says why, and what to send instead."""


class RunMovedOn(RunRefused):
    """A word to a run is about what somebody did not see as it is now: `changed` says what came after event `seen`."""

    def __init__(self, text: str, *, changed: Sequence[str], cursor: int) -> None:
        super().__init__(text)
        self.changed = tuple(changed)
        self.cursor = cursor


class RootRefused(StepwardenError):
    """A working directory may not be used as a root of files: the agent has to name another one."""


class UpstreamError(StepwardenError):
    """A call to an upstream server did not succeed: the text says whether it was sent, and what to do."""


class UnknownUpstream(UpstreamError):
    """No upstream, or none of its tools, has this name: the agent has to look it up."""


class UpstreamDown(UpstreamError):
    """The upstream cannot be reached now, and nothing was sent: the same call may be sent again later."""


class UpstreamSilent(UpstreamError):
    """The call was sent and no answer came: it may have changed something, so nobody repeats it without looking."""


class UpstreamFailed(UpstreamSilent):
    """The call was sent and its server answered with an error that leaves open what was done; the text quotes it."""


class UpstreamRefused(UpstreamError):
    """The call may not be made as it stands (arguments, settings, a tool that changed): it was not sent."""


class SignInNeeded(UpstreamError):
    """A person has to sign in at the upstream first; `upstream` is its name.

    `address` is a link that is waited for in the background, None where only `stepwarden login` helps.
    """

    def __init__(self, text: str, *, upstream: str, address: str | None = None) -> None:
        super().__init__(text)
        self.upstream = upstream
        self.address = address


class SignInFailed(UpstreamError):
    """A sign-in came to its end without tokens, and nothing was stored: the user has to mend what the text names."""


class SecretsUnavailable(StepwardenError):
    """Tokens can be kept nowhere safely, or what is kept cannot be opened: the user has to say where and how."""
