"""Image files that are not what they should be, found without decoding them."""

from __future__ import annotations

import os
import re
import string
from pathlib import Path

_JPEG, _PNG = b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n'
_END_OF_JPEG, _END_OF_PNG = b'\xff\xd9', b'IEND\xaeB`\x82'

# Compressed pixels hold no 0xFF but before 0x00, a restart marker or a fill byte.
_MARKER = re.compile(rb'\xff[^\x00\xd0-\xd7\xff]')
_WITHOUT_LENGTH = (0x01, 0xD8)

_PRINTABLE = string.printable.encode()
# Headers of Netpbm's formats and of Radiance begin as text.
_LIKE_TEXT = re.compile(rb'P[1-7fF]\s|#\?')


def image_fault(path: str | os.PathLike) -> str | None:
    """What is wrong with an image file, as far as its two ends tell.

    A JPEG or PNG that was cut off has lost its end marker. Not every decoder minds:
    some versions of OpenCV 4 return such a JPEG as a picture, with grey, or with rows
    of the image that was decoded before, in place of what is missing.

    Altered bytes between the ends are not looked for. A PNG has checksums, by which
    decoders refuse it; a JPEG has none, and one whose compressed pixels were altered is
    a picture like any other. Checksums of the whole data set tell such files.

    Reads 24 bytes, and the whole file only if something follows the end marker.

    Args:
        path: A file on disk.

    Returns:
        What the file is or lacks, to follow its name; ``None`` if nothing was found,
        as with formats other than JPEG and PNG.
    """
    with open(path, 'rb', buffering=0) as stream:
        head = stream.read(16)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - len(_END_OF_PNG)))
        tail = stream.read()
    if not head:
        return 'is empty'
    if head.startswith(_JPEG):
        if not (tail.endswith(_END_OF_JPEG) or _jpeg_ends(Path(path).read_bytes())):
            return 'is cut off: a JPEG without its end marker'
    elif head.startswith(_PNG):
        if tail != _END_OF_PNG and _END_OF_PNG not in Path(path).read_bytes():
            return 'is cut off: a PNG without its end'
    elif not head.strip(_PRINTABLE) and not _LIKE_TEXT.match(head):
        return f'is no image but text that begins with {head.decode()!r}'
    return None


def _jpeg_ends(content: bytes) -> bool:
    """Whether the end marker of the first picture is there.

    Segments are stepped over by their lengths: a thumbnail has an end marker, too.
    """
    place = len(_END_OF_JPEG)
    while (marker := _MARKER.search(content, place)) is not None:
        place = marker.end()
        code = content[place - 1]
        if code == _END_OF_JPEG[1]:
            return True
        if code not in _WITHOUT_LENGTH:
            place += int.from_bytes(content[place : place + 2], 'big')
    return False
