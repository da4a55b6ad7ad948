"""The page itself is opened in headless Chromium, where there is one."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from chromium_page import ChromiumPage, find_chromium
from lifted_clips import make_clip, make_track, moving_person, two_people

from mmpose_ext.visualization.html_viewer import keypoint_step, write_html_viewer
from mmpose_ext.visualization.scene_layout import lay_out
from mmpose_ext.visualization.video import write_video

needs_chromium = pytest.mark.skipif(
    find_chromium() is None,
    reason='the page is not opened: no Chromium; install the package chromium',
)
FRAMES = 45
PICTURE = "document.querySelector('#{}').toDataURL()"


def write(path, clip, **options):
    write_html_viewer(path, clip, progress=False, **options)
    return path


def data_of(path):
    text = path.read_text(encoding='utf-8')
    found = re.search(r'<script type="application/json" id="clip">(.*?)</script>', text)
    return json.loads(found[1])


def unpack(text, dtype, *shape):
    return np.frombuffer(base64.b64decode(text, validate=True), dtype).reshape(shape)


def test_values(tmp_path):
    clip = two_people(FRAMES)
    data = data_of(write(tmp_path / 'a.html', clip))
    assert [(t['id'], t['first'], t['length']) for t in data['tracks']] == [
        (0, 0, 45),
        (1, 2, 13),
        (1, 30, 15),
    ]
    layout = lay_out(clip)
    for track, entry in zip(clip, data['tracks'], strict=True):
        poses = unpack(entry['poses'], '<i2', -1, 17, 3) * data['poseStep']
        np.testing.assert_allclose(poses, layout.turn(track.poses), atol=6e-5)
        roots = unpack(entry['roots'], '<f4', -1, 3)
        placed = poses + roots[:, None]
        np.testing.assert_allclose(placed, layout.place(track, slice(None)), atol=1e-4)
        pixels = unpack(entry['keypoints'], '<i2', -1, 17, 2) * data['keypointStep']
        np.testing.assert_allclose(
            pixels, track.keypoints, atol=keypoint_step((960, 1))
        )
        confidence = unpack(entry['confidence'], 'u1', -1, 17) / 255
        np.testing.assert_allclose(confidence, track.confidence, atol=0.002)
        filled = unpack(entry['filled'], 'u1', -1)
        np.testing.assert_array_equal(filled, track.filled)
    np.testing.assert_allclose(unpack(data['times'], '<f4', -1), clip.times, atol=1e-6)


def test_parts_do_not_show(tmp_path, monkeypatch):
    clip = two_people(FRAMES)
    whole = write(tmp_path / 'a.html', clip).read_text()
    monkeypatch.setattr('mmpose_ext.visualization.html_viewer._CHUNK', 6)
    assert write(tmp_path / 'b.html', clip).read_text() == whole


def test_page_cannot_be_broken_by_names(tmp_path):
    name = '</script><b>"&__DATA__.mp4'
    page = write(tmp_path / 'a.html', replace(two_people(9), source=name))
    assert data_of(page)['source'] == name
    text = page.read_text()
    assert '<b>' not in text and '&lt;b&gt;&quot;&amp;.mp4</title>' in text
    for address in re.findall(r'https?://[^\s"\']+', text):
        raise AssertionError(address)


def test_pictures(tmp_path):
    images = [np.full((90, 160, 3), 5 * i, np.uint8) for i in range(FRAMES)]
    write_video(tmp_path / 'v.mp4', images, fps=25)
    page = write(
        tmp_path / 'a.html', two_people(FRAMES), video=tmp_path / 'v.mp4', pictures=10
    )
    pictures = data_of(page)['pictures']
    assert [frame for frame, _ in pictures] == list(range(0, FRAMES, 5))
    assert all(base64.b64decode(text)[:2] == b'\xff\xd8' for _, text in pictures)
    none = write(tmp_path / 'b.html', two_people(FRAMES), video=tmp_path / 'v.mp4')
    assert data_of(none)['pictures'] == []


def test_without_roots(tmp_path):
    data = data_of(write(tmp_path / 'a.html', two_people(9, with_root=False)))
    assert not data['located'] and data['camera'] is None
    assert all('roots' not in track for track in data['tracks'])


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    if find_chromium() is None:
        pytest.skip('no Chromium')
    folder = tmp_path_factory.mktemp('viewer')
    images = [np.full((54, 96, 3), 5 * i, np.uint8) for i in range(FRAMES)]
    write_video(folder / 'v.mp4', images, fps=25)
    path = write(
        folder / 'clip.html', two_people(FRAMES), video=folder / 'v.mp4', pictures=9
    )
    with ChromiumPage(path, folder / 'profile') as opened:
        yield opened


def settled(page):
    """The page has drawn what was asked of it, and the picture that belongs there."""
    frames = 'requestAnimationFrame(() => requestAnimationFrame(resolve))'
    page.js(f'new Promise((resolve) => {frames})')
    page.wait("document.querySelector('#image').ariaBusy === 'false'")


def pictures_of(page):
    settled(page)
    return page.js(PICTURE.format('image')), page.js(PICTURE.format('scene'))


def frame_of(page):
    return int(page.js("document.querySelector('#time').value"))


@needs_chromium
def test_page_draws_and_fetches_nothing(page, tmp_path):
    page.key('Home')
    page.wait("document.querySelector('#clock').textContent.includes('0:00.00')")
    settled(page)
    for canvas in ('image', 'scene'):
        used = page.js(
            f"(() => {{ const c = document.querySelector('#{canvas}');"
            ' const p = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;'
            ' return new Set(new Uint32Array(p.buffer)).size; })()'
        )
        assert used > 30, f'{canvas} is blank'
    page.screenshot(tmp_path / 'page.png')
    assert (tmp_path / 'page.png').stat().st_size > 10_000
    assert page.errors == [] and page.requests == []


@needs_chromium
def test_slider_and_keys_change_the_picture(page):
    page.key('Home')
    image, scene = pictures_of(page)
    page.js(
        "(() => { const t = document.querySelector('#time'); t.value = 20;"
        " t.dispatchEvent(new Event('input')); })()"
    )
    later = pictures_of(page)
    assert frame_of(page) == 20 and later[0] != image and later[1] != scene
    page.key('ArrowRight')
    assert frame_of(page) == 21
    page.key('ArrowLeft', shift=True)  # a second
    assert frame_of(page) == 0
    page.key('End')
    assert frame_of(page) == FRAMES - 1
    page.key('Home')
    assert pictures_of(page) == (image, scene), 'the same frame looks the same'


@needs_chromium
def test_play_and_pause(page):
    page.key('Home')
    page.click('#play')
    assert page.js("document.querySelector('#play').ariaLabel") == 'Pause'
    page.wait("Number(document.querySelector('#time').value) > 3")
    page.click('#play')
    stopped = frame_of(page)
    page.js('new Promise((resolve) => setTimeout(resolve, 200))')
    assert frame_of(page) == stopped
    page.js('document.activeElement.blur()')
    page.key(' ')
    page.wait(f"Number(document.querySelector('#time').value) !== {stopped}")
    page.key(' ')


@needs_chromium
def test_view_turns_zooms_and_comes_back(page):
    page.key('Home')
    page.key('0')
    image, scene = pictures_of(page)
    x, y = page.middle_of('#scene')
    for act in (
        lambda: page.drag((x, y), (x + 60, y + 20)),
        lambda: page.drag((x, y), (x + 60, y), button='right', buttons=2),
        lambda: page.mouse('mouseWheel', x, y, deltaX=0, deltaY=200),
        lambda: page.key('a'),
        lambda: page.key('+'),
    ):
        act()
        settled(page)
        page.wait(f'{PICTURE.format("scene")} !== {scene!r}')
        changed_image, changed = pictures_of(page)
        assert changed != scene and changed_image == image, 'the 2D view stays'
        page.click('#reset')
        assert pictures_of(page)[1] == scene


@needs_chromium
def test_touch_turns_and_pinches(page):
    page.key('Home')
    page.key('0')
    scene = pictures_of(page)[1]
    x, y = page.middle_of('#scene')
    page.call('Emulation.setTouchEmulationEnabled', enabled=True, maxTouchPoints=2)
    for moves in (
        [[(x, y)], [(x + 40, y)]],
        [[(x - 40, y), (x + 40, y)], [(x - 80, y), (x + 80, y)]],
    ):
        for kind, points in zip(('touchStart', 'touchMove'), moves, strict=True):
            touches = [{'x': px, 'y': py, 'id': i} for i, (px, py) in enumerate(points)]
            page.call('Input.dispatchTouchEvent', type=kind, touchPoints=touches)
        page.call('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])
        page.wait(f'{PICTURE.format("scene")} !== {scene!r}')
        page.key('0')
        assert pictures_of(page)[1] == scene
    page.call('Emulation.setTouchEmulationEnabled', enabled=False)


@needs_chromium
def test_people_and_places(page):
    page.key('End')
    both = pictures_of(page)
    page.key('2')
    one = pictures_of(page)
    assert one[0] != both[0] and one[1] != both[1]
    page.click('#people label')
    none = pictures_of(page)
    assert none[0] != one[0] and none[1] != one[1]
    page.click('#people label')
    page.key('2')
    assert pictures_of(page) == both
    page.click('#placed')
    assert pictures_of(page)[1] != both[1]
    page.click('#placed')
    page.click('#pictures')
    assert pictures_of(page)[0] != both[0]
    page.click('#pictures')


@needs_chromium
def test_everything_has_a_name(page):
    """What can be used has a label for those who do not see it."""
    tree = page.call('Accessibility.getFullAXTree')['nodes']
    roles = ('button', 'slider', 'checkbox', 'combobox', 'image')
    parts = [node for node in tree if node.get('role', {}).get('value') in roles]
    assert len(parts) >= 8
    for node in parts:
        assert node['name']['value'].strip(), node
    assert 'frame' in page.js("document.querySelector('#time').ariaValueText")


@needs_chromium
def test_narrow_page_does_not_scroll_sideways(page):
    page.resize(360, 740)
    settled(page)
    assert page.js('document.documentElement.scrollWidth') <= 360
    page.resize(1200, 800)
    assert page.errors == [] and page.requests == []


@needs_chromium
def test_ten_thousand_frames(tmp_path):
    joints = np.tile(moving_person('walk', 100, seed=1), (100, 1, 1))
    tracks = [make_track(joints), make_track(joints + np.float32([1, 0, 0.5]), 1)]
    path = write(tmp_path / 'long.html', make_clip(tracks, 10_000))
    assert path.stat().st_size < 8e6
    with ChromiumPage(path, tmp_path / 'profile') as page:
        page.key('End')
        assert frame_of(page) == 9_999
        first = pictures_of(page)
        page.key('ArrowLeft')
        assert pictures_of(page)[1] != first[1]
        assert page.errors == [] and page.requests == []


@needs_chromium
def test_damaged_page_says_so(tmp_path):
    path = write(tmp_path / 'a.html', two_people(9))
    text = path.read_text()
    start = text.index('"poses":"') + len('"poses":"')
    path.write_text(text[:start] + text[start + 400 :])
    with ChromiumPage(path, tmp_path / 'profile') as page:
        assert 'damaged' in page.js("document.querySelector('#problem').textContent")
        assert page.js("!document.querySelector('#problem').hidden")
