"""image_fault: what two ends of a file tell."""

import cv2
import numpy as np
import pytest

from mmpose_ext.datasets.image_files import image_fault

CUT = 'is cut off: a JPEG without its end marker'
THUMBNAIL = b'\xff\xd8\xff\xdb\x00\x02\xff\xd9'


def encoded(suffix, *options):
    """A picture of noise, as a file's content."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    return cv2.imencode(suffix, noise, options)[1].tobytes()


def with_thumbnail(jpeg):
    """Another picture in a segment after the first marker, as cameras write it."""
    length = len(THUMBNAIL) + 2
    return jpeg[:2] + b'\xff\xe1' + length.to_bytes(2, 'big') + THUMBNAIL + jpeg[2:]


JPEG, PNG = encoded('.jpg'), encoded('.png')
PROGRESSIVE = encoded('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTS = encoded('.jpg', cv2.IMWRITE_JPEG_RST_INTERVAL, 2)


@pytest.fixture
def fault(tmp_path):
    def of(content):
        path = tmp_path / 'picture.jpg'
        path.write_bytes(content)
        return image_fault(path)

    return of


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp', '.webp', '.tiff', '.ppm'])
def test_whole(suffix, fault):
    assert fault(encoded(suffix)) is None


@pytest.mark.parametrize('jpeg', [JPEG, PROGRESSIVE, RESTARTS, with_thumbnail(JPEG)])
def test_jpeg(jpeg, fault):
    after = b'\x00\xff\xda appended by a camera'
    assert fault(jpeg) is None
    assert fault(jpeg + bytes(600)) is None
    assert fault(jpeg + after) is None
    lengths = np.linspace(20, len(jpeg) - 1, 40).astype(int)
    assert {fault(jpeg[:length]) for length in lengths} == {CUT}
    half = jpeg[: len(jpeg) // 2]
    assert fault(half + bytes(len(jpeg) - len(half))) == CUT, 'a copy that was stopped'
    assert fault(jpeg[:-1] + bytes([jpeg[-1] ^ 4])) == CUT


def test_png(fault):
    assert fault(PNG) is None
    assert fault(PNG + bytes(600)) is None
    for length in (20, len(PNG) // 2, len(PNG) - 1):
        assert fault(PNG[:length]) == 'is cut off: a PNG without its end'


def test_no_image(fault):
    assert fault(b'') == 'is empty'
    begin = 'version https://'
    assert fault(f'{begin}git-lfs.github.com/spec/v1\n'.encode()) == (
        f'is no image but text that begins with {begin!r}'
    )
    assert fault(b'?') == "is no image but text that begins with '?'"
    assert fault(b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe') is None
    assert fault(bytes(20)) is None, 'left to the decoder'


def test_altered_bytes(fault):
    """Those of a PNG are left to the decoder; those of a JPEG make another picture."""
    middle = len(PNG) // 2
    altered = PNG[:middle] + bytes([PNG[middle] ^ 1]) + PNG[middle + 1 :]
    assert fault(altered) is None
    assert cv2.imdecode(np.frombuffer(altered, np.uint8), cv2.IMREAD_COLOR) is None
    middle = len(JPEG) // 2
    altered = JPEG[:middle] + bytes([JPEG[middle] ^ 1]) + JPEG[middle + 1 :]
    assert fault(altered) is None
    picture = cv2.imdecode(np.frombuffer(altered, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (60, 80, 3)


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        image_fault(tmp_path / 'gone.jpg')
