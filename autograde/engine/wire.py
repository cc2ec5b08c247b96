"""The values that may cross between a trusted and an untrusted process, written and read.

Exact plain types only: None, bool, int, float, complex, str, bytes, list, tuple, dict, set, numpy scalars,
arrays of plain dtype, `numpy.random.Generator`, and callables as numbers. Nothing here imports a name, calls
a constructor or runs code that the peer chose, which is why it is neither pickle nor JSON with extensions:
both ends may be lied to.

**Sharing.** In one process a function sees its caller's own objects. Over a wire it sees copies, so every
mutable object that an open call has passed (array, list, dict, set, generator) is remembered by both ends in
the same order in a `Table`. Each message carries what changed in them since the last one, so that an in-place
change arrives, the same object keeps its identity, and an array that is a view of an argument becomes a real
view of the receiver's own memory. Only the elements of an array cross, never the bytes between them.
"""

from __future__ import annotations

from .decoding import Decoder
from .encoding import Encoder
from .frames import Channel, Unsendable, WireClosed, WireError, WireTimeout
from .sharing import Table

__all__ = ["Channel", "Decoder", "Encoder", "Table", "Unsendable", "WireClosed", "WireError", "WireTimeout"]
