"""Print what is installed, and name the known trap when something does not fit.

    python tools/check_env.py

Works with the maintained continuations (onedl-*) and with the original OpenMMLab
packages, and also when some of them are missing or broken. Exits with 0 if MMPose and
this package can be used, with 1 otherwise. Needs nothing but Python.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import sys
import warnings
from collections.abc import Mapping
from importlib import metadata
from typing import Any, NamedTuple

os.environ.setdefault('MPLBACKEND', 'Agg')

# Import name and the distributions that may provide it.
REQUIRED = {
    'torch': ('torch',),
    'torchvision': ('torchvision',),
    'numpy': ('numpy',),
    'scipy': ('scipy',),
    'sklearn': ('scikit-learn',),
    'matplotlib': ('matplotlib',),
    'cv2': (
        'opencv-python',
        'opencv-python-headless',
        'opencv-contrib-python',
        'opencv-contrib-python-headless',
    ),
    'einops': ('einops',),
    'safetensors': ('safetensors',),
    'six': ('six',),
    'xtcocotools': ('xtcocotools',),
    'mmengine': ('onedl-mmengine', 'mmengine', 'mmengine-lite'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-lite', 'mmcv-full'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
    'mmpose': ('mmpose',),
    'mmpose_ext': ('mmpose-ext',),
}
OPTIONAL = {
    'pkg_resources': ('setuptools',),
    'diffusers': ('diffusers',),
    'peft': ('peft',),
    'onnx': ('onnx',),
    'onnxscript': ('onnxscript',),
    'onnxruntime': ('onnxruntime',),
    'tensorboard': ('tensorboard',),
}

# The parts of MMPose that a run touches; they import mmdet and mmcv's operators.
MMPOSE_PARTS = ('mmpose.models', 'mmpose.datasets', 'mmpose.evaluation')

ONEDL_OPS = (
    'in a checkout of this package `uv sync --reinstall-package onedl-mmcv` compiles '
    'them; elsewhere install torch first, then '
    '`MMCV_WITH_OPS=1 pip install --no-build-isolation --no-binary onedl-mmcv '
    'onedl-mmcv`'
)


class Package(NamedTuple):
    """What is known of one import name.

    Attributes:
        distributions: Installed distributions that provide it, name to version.
        error: Why it cannot be imported, empty if it can.
        imported: Whether the import worked.
    """

    distributions: Mapping[str, str]
    error: str = ''
    imported: bool = True

    @property
    def version(self) -> str:
        """Version of the first distribution, empty if there is none."""
        return next(iter(self.distributions.values()), '')


class Advice(NamedTuple):
    """One line of advice.

    Attributes:
        fatal: Whether the environment cannot be used like this.
        text: What is wrong and what to do.
    """

    fatal: bool
    text: str


def parse_version(text: str) -> tuple[int, ...]:
    """Leading numbers of a version: `'2.6.0+cu124'` becomes `(2, 6, 0)`."""
    match = re.match(r'\d+(\.\d+)*', text)
    return tuple(int(part) for part in match[0].split('.')) if match else ()


def advise(facts: Mapping[str, Any]) -> list[Advice]:
    """Advice on an environment.

    Args:
        facts: `python` (version tuple), `packages` (import name to `Package`),
            `mmcv_ops` (whether mmcv has compiled operators) and `parts_error` (why
            MMPose's parts cannot be imported, empty if they can).

    Returns:
        One entry for each trap, the fatal ones first.
    """
    packages: Mapping[str, Package] = facts['packages']
    advice = [
        *_about_python(facts['python']),
        *_about_missing(packages),
        *_about_openmmlab(packages, facts['mmcv_ops']),
        *_about_binaries(packages),
        *_about_versions(packages),
    ]
    if not any(entry.fatal for entry in advice):
        if facts.get('parts_error'):
            text = f'mmpose cannot be used: {facts["parts_error"]}'
            advice.append(Advice(True, text))
    return sorted(advice, key=lambda entry: not entry.fatal)


def _about_python(version: tuple[int, ...]) -> list[Advice]:
    if (3, 10) <= version[:2] < (3, 13):
        return []
    found = '.'.join(map(str, version))
    return [Advice(True, f'Python {found} is not supported: use 3.10, 3.11 or 3.12')]


def _about_missing(packages: Mapping[str, Package]) -> list[Advice]:
    advice = []
    for name in REQUIRED:
        package = packages.get(name, Package({}, imported=False))
        if package.distributions or package.imported:
            continue
        if name == 'mmpose':
            text = (
                'mmpose is missing. Its requirement chumpy cannot be built any more '
                'and is never used: install mmpose without requirements, '
                '`pip install --no-deps mmpose==1.3.2` (`uv sync` does so by itself)'
            )
        elif name == 'six':
            text = 'six is missing; mmpose imports it undeclared: `pip install six`'
        elif name == 'mmpose_ext':
            text = 'mmpose_ext is missing: `uv sync`, or `pip install --no-deps -e .`'
        else:
            text = f'{name} is missing: `uv sync`, or `pip install {REQUIRED[name][0]}`'
        advice.append(Advice(True, text))
    return advice


def _about_openmmlab(packages: Mapping[str, Package], mmcv_ops: bool) -> list[Advice]:
    advice = []
    for name in ('mmengine', 'mmcv', 'mmdet'):
        both = list(packages[name].distributions) if name in packages else []
        if len(both) > 1:
            text = (
                f'{" and ".join(both)} are both installed and overwrite each other '
                f'({name}): `pip uninstall {" ".join(both)}`, then install one of them'
            )
            advice.append(Advice(True, text))
    mmcv = packages.get('mmcv', Package({}, imported=False))
    if mmcv.distributions and not mmcv_ops:
        upstream = 'onedl-mmcv' not in mmcv.distributions
        how = (
            'install the build for your torch and CUDA with `mim install "mmcv>=2.1"`'
            if upstream
            else ONEDL_OPS
        )
        text = (
            'mmcv has no compiled operators (no mmcv._ext), without which '
            f'mmpose.models cannot be imported: {how}'
        )
        advice.append(Advice(True, text))
    for name in ('mmengine', 'mmcv', 'mmdet', 'mmpose'):
        package = packages.get(name, Package({}, imported=False))
        if package.imported or not package.distributions:
            continue
        if _is_version_clash(package.error):
            text = (
                f'{name} {package.version} rejects the versions beside it '
                f'({package.error}). Tested together: onedl-mmengine 0.10.12, '
                'onedl-mmcv 2.3.6, onedl-mmdetection 3.5.1, mmpose 1.3.2; or mmengine '
                '0.10.7, mmcv 2.1.0, mmdet 3.3.0, mmpose 1.3.2'
            )
            advice.append(Advice(True, text))
    return advice


def _is_version_clash(error: str) -> bool:
    return 'incompatible' in error.lower() or 'AssertionError' in error


def _about_binaries(packages: Mapping[str, Package]) -> list[Advice]:
    """Packages that are installed and cannot be imported, by what they say."""
    advice = []
    for name in REQUIRED:
        package = packages.get(name)
        if package is None or package.imported or not package.distributions:
            continue
        error = package.error
        if name == 'xtcocotools' and re.search(
            'numpy.*(size|ABI|multiarray)|_ARRAY_API', error
        ):
            text = (
                'xtcocotools was built for another NumPy: build it here, `pip install '
                '--no-binary xtcocotools --no-build-isolation --force-reinstall '
                '--no-deps xtcocotools==1.14.3` (needs cython)'
            )
        elif 'pkg_resources' in error:
            text = (
                f'{name} needs pkg_resources, which setuptools 82 dropped: '
                '`pip install "setuptools<82"`'
            )
        elif 'chumpy' in error:
            text = (
                f'{name} fails over chumpy, which is never used: `pip uninstall chumpy`'
            )
        elif 'torchvision::' in error:
            text = (
                'torchvision does not belong to this torch (a CUDA build beside a CPU '
                'build, or another version): reinstall both from the same index'
            )
        elif name in ('mmcv', 'mmdet', 'mmpose', 'mmengine', 'mmpose_ext'):
            if _is_version_clash(error) or 'mmcv._ext' in error:
                continue
            text = f'{name} cannot be imported: {error}'
        else:
            text = f'{name} {package.version} cannot be imported: {error}; reinstall it'
        advice.append(Advice(True, text))
    return advice


def _about_versions(packages: Mapping[str, Package]) -> list[Advice]:
    """Versions that work in part; none of these stops a run."""

    def at_least(name: str, version: str) -> bool:
        found = parse_version(packages[name].version) if name in packages else ()
        return bool(found) and found >= parse_version(version)

    advice = []
    if at_least('numpy', '2.4'):
        advice.append(
            "numpy >= 2.4 breaks mmpose's 2D drawing: `pip install 'numpy<2.4'`"
        )
    if at_least('matplotlib', '3.10'):
        advice.append(
            "matplotlib >= 3.10 breaks mmpose's 3D drawing: "
            "`pip install 'matplotlib<3.10'`"
        )
    if at_least('torch', '2.14'):
        advice.append(
            'onedl-mmcv does not compile against torch >= 2.14 (C++20): use torch 2.4 '
            'to 2.13'
        )
    mmengine = packages.get('mmengine', Package({}))
    if at_least('torch', '2.6') and 'mmengine' in mmengine.distributions:
        advice.append(
            'mmengine cannot load its own checkpoints on torch >= 2.6. The tools of '
            'this package can; for others use onedl-mmengine or torch 2.5'
        )
    if 'pkg_resources' in packages and not packages['pkg_resources'].imported:
        advice.append(
            'pkg_resources is missing (setuptools >= 82 dropped it); some helpers of '
            "mmcv and mmpose import it: `pip install 'setuptools<82'`"
        )
    return [Advice(False, text) for text in advice]


def gather() -> dict[str, Any]:
    """Facts about this environment, for `advise` and `report`."""
    packages = {}
    for name, distributions in {**REQUIRED, **OPTIONAL}.items():
        installed = {}
        for distribution in distributions:
            with contextlib.suppress(metadata.PackageNotFoundError):
                installed[distribution] = metadata.version(distribution)
        error = _try_import(name)
        packages[name] = Package(installed, error, imported=not error)
    facts: dict[str, Any] = {
        'python': tuple(sys.version_info[:3]),
        'packages': packages,
        'mmcv_ops': not _try_import('mmcv._ext'),
        'parts_error': '',
        'devices': _devices(),
    }
    if packages['mmpose'].imported:
        errors = (_try_import(part) for part in MMPOSE_PARTS)
        facts['parts_error'] = next((error for error in errors if error), '')
    return facts


def _try_import(name: str) -> str:
    """Import a module; the last line of what went wrong, empty if nothing did."""
    silent = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(silent),
            contextlib.redirect_stderr(silent),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter('ignore')
            importlib.import_module(name)
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        # Broken packages fail in every way, SystemExit included.
        lines = str(error).strip().splitlines()
        return f'{type(error).__name__}: {lines[-1] if lines else ""}'
    return ''


def _devices() -> list[str]:
    torch = sys.modules.get('torch')
    if torch is None or not hasattr(torch, 'cuda'):
        return ['unknown: torch cannot be imported']
    build = torch.version.cuda or torch.version.hip
    devices = [f'cpu, {os.cpu_count()} cores']
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            device = torch.cuda.get_device_properties(index)
            memory = device.total_memory / 2**30
            devices.append(f'cuda:{index}, {device.name}, {memory:.0f} GiB')
    elif build:
        devices.append(f'no GPU found (torch is built for CUDA {build})')
    return devices


def report(facts: Mapping[str, Any], advice: list[Advice]) -> str:
    """Facts and advice as text."""
    python = '.'.join(map(str, facts['python']))
    lines = [f'{"python":14}{python} ({sys.platform})']
    for name, package in facts['packages'].items():
        if name in OPTIONAL and not package.distributions:
            state = 'not installed (optional)'
        elif not package.distributions:
            state = 'without metadata' if package.imported else 'MISSING'
        else:
            state = ', '.join(f'{v} ({d})' for d, v in package.distributions.items())
            if not package.imported:
                state += f'  BROKEN: {package.error}'
        lines.append(f'{name:14}{state}')
    operators = 'yes' if facts['mmcv_ops'] else 'NO'
    lines.append(f'{"mmcv._ext":14}compiled operators: {operators}')
    lines.extend(f'{"device":14}{device}' for device in facts['devices'])
    lines.append('')
    lines.extend(f'{"ERROR" if e.fatal else "note"}: {e.text}' for e in advice)
    fatal = any(entry.fatal for entry in advice)
    lines.append('This environment cannot be used yet.' if fatal else 'Ready.')
    return '\n'.join(lines)


def main() -> int:
    """Print the report; 0 if the environment can be used, 1 otherwise."""
    facts = gather()
    advice = advise(facts)
    print(report(facts, advice))
    return int(any(entry.fatal for entry in advice))


if __name__ == '__main__':
    sys.exit(main())
