"""Print a config with everything that it inherits.

    python tools/analysis_tools/print_config.py CONFIG
    python tools/analysis_tools/print_config.py CONFIG --cfg-options model.type=X

It imports nothing that the config names, so it also works where a package is missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmengine.config import Config, DictAction


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        # MMPose calls it `--options` in this tool alone; both work.
        '--cfg-options',
        '--options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='override settings first',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Print."""
    args = parse_args(argv)
    cfg = Config.fromfile(args.config, import_custom_modules=False)
    cfg.merge_from_dict(args.cfg_options)
    print(f'Config:\n{cfg.pretty_text}')


if __name__ == '__main__':
    main()
