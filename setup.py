"""Ship configs and tools inside the wheel, in the folder where MIM looks for them.

Everything else about the build is in ``pyproject.toml``. MIM reads the folder ``.mim``
of an installed package, so ``mim train mmpose_ext CONFIG`` works with the wheel. An
editable install copies nothing: the checkout has the same folders at its top level.
"""

from pathlib import Path
from shutil import copy2, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

MIM_FOLDER = Path('mmpose_ext', '.mim')
MIM_CONTENT = ('configs', 'tools', 'demo', 'model-index.yml')


def mim_files() -> list[Path]:
    """Files for MIM, relative to the top level of the sources."""
    found: list[Path] = []
    for name in MIM_CONTENT:
        top = Path(name)
        found += sorted(top.rglob('*')) if top.is_dir() else [top]
    return [
        file for file in found if file.is_file() and '__pycache__' not in file.parts
    ]


class BuildWithMimFolder(build_py):
    """``build_py`` that also fills ``mmpose_ext/.mim`` of the build tree."""

    def run(self) -> None:
        """Build the modules, then copy; file modes are kept for the shell scripts."""
        super().run()
        if self.editable_mode:
            return
        rmtree(Path(self.build_lib, MIM_FOLDER), ignore_errors=True)
        for file in mim_files():
            target = Path(self.build_lib, MIM_FOLDER, file)
            target.parent.mkdir(parents=True, exist_ok=True)
            copy2(file, target)

    def get_source_files(self) -> list[str]:
        """Sources of this command; setuptools puts them into the sdist."""
        return [*super().get_source_files(), *(f.as_posix() for f in mim_files())]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Files that :meth:`run` writes."""
        written = [] if self.editable_mode else mim_files()
        return [
            *super().get_outputs(include_bytecode),
            *(str(Path(self.build_lib, MIM_FOLDER, file)) for file in written),
        ]


setup(cmdclass={'build_py': BuildWithMimFolder})
