"""Participants of a call: a receiver for each, all of one model, whose pictures are made side by side."""

from bcdcodec.call.painter import paint_together
from bcdcodec.call.playback import Playback
from bcdcodec.call.receiver import Receiver
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError

#: Receivers that one machine is asked to serve, where the caller does not say.
MAX_PARTICIPANTS = 16


class Participants:
    """Receivers by the name of who sends. Times are the caller's, as of `Receiver`. One thread at a time may use it.

    A name is what the transport knows the sender by, not what its datagrams say: data of one name reach the receiver of
    that name alone. settings: of every decoder. most: names at a time, 1 and more; data of others are refused.
    Datagrams have checksums: with a `Seal` two receivers of one sender would number their reports alike. Raises
    ConfigError.
    """

    def __init__(
        self, model: CodecModel, settings: DecodeSettings | None = None, *, most: int = MAX_PARTICIPANTS
    ) -> None:
        if most < 1:
            raise ConfigError(f"most is {most} participants, allowed are 1 and more")
        self._model, self._settings, self._most = model, settings, most
        #: Receivers by name.
        self.receivers: dict[str, Receiver] = {}
        #: Why nothing is shown of a participant, by name: a stream of other weights.
        self.problems: dict[str, str] = {}
        #: Datagrams of names for which there was no room.
        self.refused = 0

    def receive(self, name: str, data: bytes, now_ms: float) -> None:
        """Take a datagram with media of a participant, who joins with the first one."""
        receiver = self.receivers.get(name)
        if receiver is None:
            if len(self.receivers) >= self._most:
                self.refused += 1
                return
            receiver = self.receivers[name] = Receiver(self._model, self._settings)
        try:
            receiver.receive(data, now_ms)
        except ConfigError as error:
            self.problems[name] = str(error)

    def leave(self, name: str) -> None:
        """Forget a participant, if it is there."""
        self.receivers.pop(name, None)
        self.problems.pop(name, None)

    def poll(self, now_ms: float) -> dict[str, Playback]:
        """What is due of each by now; concealed pictures are made one by one, all others side by side."""
        painters = [receiver.prepare(now_ms) for receiver in self.receivers.values()]
        paint_together([painter for painter in painters if painter is not None])
        return {name: receiver.play(now_ms) for name, receiver in self.receivers.items()}

    def reports(self, now_ms: float) -> dict[str, list[bytes]]:
        """Datagrams that are due, by the name of the participant they are for."""
        due = {name: receiver.reports(now_ms) for name, receiver in self.receivers.items()}
        return {name: datagrams for name, datagrams in due.items() if datagrams}
