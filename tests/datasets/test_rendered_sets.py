"""Commands that make rendered people are those that the configs give."""

import re
from pathlib import Path

from mmpose_ext.datasets.rendered_sets import RENDERED_SETS, command_for

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r'python tools/make_synthetic_data\.py coco (data/\w+)((?: \S+)*)')


def commands_in(path):
    """Commands of a file; comment marks and continued lines are taken away."""
    text = re.sub(r'\s*\\\n#?\s*', ' ', path.read_text(encoding='utf-8'))
    return {found.group(1): found.group(0) for found in COMMAND.finditer(text)}


def test_values():
    folders = ('configs/_base_/datasets', 'demo/configs')
    named = [commands_in(f) for name in folders for f in (ROOT / name).glob('*.py')]
    assert {folder for commands in named for folder in commands} == {
        f'data/{name}' for name in RENDERED_SETS
    }
    pages = [ROOT / name / 'README.md' for name in ('', 'configs/dual_student', 'demo')]
    for commands in (*named, *map(commands_in, pages)):
        for folder, command in commands.items():
            assert command_for(folder) in (command, None)


def test_options_are_those_of_the_tool(load_script):
    tool = load_script('tools/make_synthetic_data')
    for name in RENDERED_SETS:
        words = command_for(f'data/{name}/').split()
        assert words[:3] == ['python', 'tools/make_synthetic_data.py', 'coco']
        assert str(tool.parse_args(words[2:]).out) == f'data/{name}'


def test_other_folders():
    assert command_for('data/coco/') is None
    assert command_for('') is None
