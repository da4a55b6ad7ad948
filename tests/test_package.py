"""The shape of the package: names, exports, and which part may import which."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections import Counter
from pathlib import Path

import mmengine.registry
import mmpose.registry
import pytest
from mmengine.registry import Registry

import mmpose_ext

ROOT = Path(mmpose_ext.__file__).parent
FILES = sorted(
    file for file in ROOT.rglob('*.py') if '.mim' not in file.relative_to(ROOT).parts
)
SUB_PACKAGES = sorted(file.parent.name for file in ROOT.glob('*/__init__.py'))
REGISTRIES = {
    name: value
    for name, value in vars(mmpose.registry).items()
    if isinstance(value, Registry)
}

# Names that people write into their configs, by registry.
PUBLIC_NAMES = {
    'DATASETS': ('LiftingDataset',),
    'KEYPOINT_CODECS': ('LiftingLabel',),
    'DATA_SAMPLERS': ('SourceTargetSampler',),
    'METRICS': ('MultiHypothesisMetric', 'PoseLiftingMetric'),
    'MODELS': (
        'ContextAwarePoseFormer',
        'DiffusionLifter',
        'DiffusionMixSTE',
        'DiffusionVideoPose3D',
        'InfoNCEBoundLoss',
        'MixSTE',
        'MotionBERT',
        'PoSynDALifter',
        'PrMLBackbone',
        'PrMLHead',
        'SequenceLifter',
        'TwoBranchRegressionHead',
        'VideoPose3D',
    ),
    'TRANSFORMS': ('JointNoise', 'PackLiftingInputs'),
}

# What each part may import of ours besides itself. The arrows point one way only:
# a part names only parts above it. Stores lie below the rest of `datasets`, since the
# simulation writes them and a dataset may ask the simulation for one.
PURE = ('geometry', 'evaluation.functional')
STORES = ('datasets.frame_store', 'datasets.pose_fields')
MAY_IMPORT = {
    'version': (),
    'atomic_write': (),
    'quiet_imports': (),
    'choices': (),
    'step_progress': (),
    'structures': (),
    'geometry': (),
    'evaluation.functional': (),
    'evaluation': ('atomic_write', *PURE),
    'codecs': ('geometry',),
    'datasets.frame_store': ('atomic_write',),
    'datasets.pose_fields': ('geometry',),
    'visualization': ('atomic_write', 'quiet_imports', 'structures', *PURE),
    'simulation': ('atomic_write', *PURE, *STORES),
    'models': ('codecs', *PURE),
    'datasets': (
        *('atomic_write', 'choices', 'codecs', 'evaluation', 'simulation'),
        *('step_progress', 'visualization', *PURE, *STORES),
    ),
}
MAY_IMPORT['engine'] = tuple(MAY_IMPORT)
MAY_IMPORT['apis'] = tuple(MAY_IMPORT)


CHECKOUT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    file
    for pattern in ('*.md', 'docs/**/*.md', 'configs/**/*.md')
    for file in CHECKOUT.glob(pattern)
)


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {module_name(file): file for file in FILES}


def part_of(module: str) -> str:
    """The longest key of MAY_IMPORT that a module of ours lies in."""
    inner = module.removeprefix('mmpose_ext.')
    while inner not in MAY_IMPORT and '.' in inner:
        inner = inner.rpartition('.')[0]
    return inner


def imports_of(module: str) -> set[str]:
    """Our modules that a module names in its import statements, at any depth."""
    file = MODULES[module]
    package = module if file.name == '__init__.py' else module.rpartition('.')[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                above = package.split('.')[: len(package.split('.')) - node.level + 1]
                base = '.'.join(above + ([node.module] if node.module else []))
            inner = [f'{base}.{alias.name}' for alias in node.names]
            found.update(name if name in MODULES else base for name in inner)
    return {name for name in found if name.split('.')[0] == 'mmpose_ext'}


def our_classes() -> list[tuple[str, str, type]]:
    """``(registry, name, class)`` of everything that the package registers."""
    return [
        (registry, name, value)
        for registry, values in REGISTRIES.items()
        for name, value in values.module_dict.items()
        if value.__module__.split('.')[0] == 'mmpose_ext'
    ]


@pytest.mark.parametrize(
    ('registry', 'name'),
    [(registry, name) for registry, names in PUBLIC_NAMES.items() for name in names],
)
def test_public_name_is_registered(registry, name):
    value = REGISTRIES[registry].get(name)
    assert value is not None, f'{name} is not in {registry}'
    assert value.__module__.startswith('mmpose_ext.')


def test_no_registered_name_of_others():
    # mmpose's own names: its registries refuse a second class unless forced to, so
    # everything of mmpose is imported here, and nothing of ours may use force.
    for part in ('codecs', 'datasets', 'engine', 'evaluation', 'models'):
        importlib.import_module(f'mmpose.{part}')
    import mmdet.registry
    from mmdet.utils import register_all_modules

    register_all_modules(init_default_scope=False)
    taken = [
        f'{name} is in {package.__name__}.{registry} already'
        for registry, name, _ in our_classes()
        for package in (mmengine.registry, mmdet.registry)
        if name in getattr(getattr(package, registry, None), 'module_dict', ())
    ]
    assert not taken
    forced = [
        f'{file}:{node.lineno}'
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8')))
        if isinstance(node, ast.Call)
        and getattr(node.func, 'attr', '') == 'register_module'
        and any(keyword.arg == 'force' for keyword in node.keywords)
    ]
    assert not forced


def test_one_registered_class_a_file_named_after_it():
    classes = {value for _, _, value in our_classes()}
    assert len(classes) >= 8
    for value in classes:
        stem = value.__module__.rpartition('.')[2]
        assert stem.replace('_', '') == value.__name__.lower(), value
    modules = Counter(value.__module__ for value in classes)
    assert not [module for module, number in modules.items() if number > 1]


def test_registered_classes_are_exported():
    for _, name, value in our_classes():
        parent = importlib.import_module(value.__module__.rpartition('.')[0])
        assert name in parent.__all__, f'{name} is not in {parent.__name__}.__all__'


@pytest.mark.parametrize('name', SUB_PACKAGES)
def test_surface_of_sub_package(name):
    # `apis` registers nothing, so `import mmpose_ext` leaves it out.
    if name != 'apis':
        assert getattr(mmpose_ext, name) is sys.modules[f'mmpose_ext.{name}']
    package = importlib.import_module(f'mmpose_ext.{name}')
    exported = package.__all__
    assert list(exported) == sorted(set(exported), key=list(exported).index)
    for item in exported:
        assert hasattr(package, item), f'{name}.{item}'


def test_version():
    assert [int(part) for part in mmpose_ext.__version__.split('.')[:2]] >= [0, 1]


@pytest.mark.parametrize('name', [name for name in SUB_PACKAGES if name != 'apis'])
def test_import_errors_are_not_swallowed(name, monkeypatch):
    monkeypatch.setitem(sys.modules, f'mmpose_ext.{name}', None)
    monkeypatch.delitem(sys.modules, 'mmpose_ext')
    with pytest.raises(ImportError, match=name):
        importlib.import_module('mmpose_ext')


def test_init_files_have_no_try():
    for file in FILES:
        if file.name == '__init__.py':
            tree = ast.parse(file.read_text(encoding='utf-8'))
            tries = [n for n in ast.walk(tree) if isinstance(n, ast.Try)]
            assert not tries, f'{file} could hide a failed import'


def test_every_folder_is_a_package_with_all():
    for folder in {file.parent for file in FILES} - {ROOT}:
        init = folder / '__init__.py'
        assert init.is_file(), f'{folder} has no __init__.py'
        assert '__all__' in init.read_text(encoding='utf-8'), init


def test_names_say_what_is_inside():
    vague = {'util', 'utils', 'misc', 'common', 'helper', 'helpers'}
    for file in FILES:
        parts = file.relative_to(ROOT).with_suffix('').parts
        assert not vague & {part.strip('_') for part in parts}, file


@pytest.mark.parametrize('module', sorted(MODULES.keys() - {'mmpose_ext'}))
def test_imports_point_one_way(module):
    part = part_of(module)
    assert part in MAY_IMPORT, f'say in MAY_IMPORT what {part} may import'
    allowed = {part, *MAY_IMPORT[part]}
    wrong = {name for name in imports_of(module) if part_of(name) not in allowed}
    assert not wrong, f'{module} imports {sorted(wrong)}'


def test_arrows_make_no_circle():
    order = list(MAY_IMPORT)
    for part, others in MAY_IMPORT.items():
        assert all(order.index(other) < order.index(part) for other in others), part


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda file: file.name)
def test_paths_in_documents_exist(document):
    text = document.read_text(encoding='utf-8')
    named = re.findall(
        r'(?<![\w./-])(?:configs|docs|tests|tools)/[\w./-]+\.(?:py|sh|md)\b', text
    )
    linked = re.findall(r'\]\((?!https?://|#)([^)#]+)', text)
    missing = [path for path in named if not (CHECKOUT / path).exists()]
    missing += [path for path in linked if not (document.parent / path).exists()]
    assert not missing, f'{document.name} names what does not exist'
