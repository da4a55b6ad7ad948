"""What adaptation with LoRA learned, as a small file, or merged into the weights.

    python tools/misc/export_adapter.py configs/posynda/posynda_h36m_to_3dhp_27.py \
        work_dirs/posynda_h36m_to_3dhp_27/epoch_40.pth \
        --adapter adapter.safetensors --merged merged.pth
    python tools/test.py configs/posynda/posynda_h36m_to_3dhp_27.py merged.pth \
        --cfg-options model.lora=None

    # Back on the source that was adapted:
    python tools/misc/export_adapter.py configs/posynda/posynda_h36m_to_3dhp_27.py \
        work_dirs/d3dp_h36m_27/epoch_400.pth --apply adapter.safetensors \
        --adapted adapted.pth
    python tools/test.py configs/posynda/posynda_h36m_to_3dhp_27.py adapted.pth

`--adapter` writes the LoRA weights and the cross-dataset bias alone, with what is
needed to recognise them: config, rank, targets, and a checksum of the frozen weights
that they belong to. A denoiser with batch normalisation changes in one more way,
by its running statistics, which then are in the file too.

`--merged` adds the LoRA weights to those of their layers. The result is an ordinary
checkpoint of the same lifter with `lora=None`; before it is written, both lifters see
the same random input, and their outputs must agree to 1e-5.

With `--apply`, CHECKPOINT is the source, and the adapter is put on it again: as it was
trained (`--adapted`, for the config itself), merged (`--merged`), or both. An adapter
does not go on weights other than those it was trained on.

Files appear whole or not at all. Optimiser state, training progress and a slow teacher
stay behind.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mmpose_ext.atomic_write import atomic_path, write_bytes
from mmpose_ext.engine.checkpoints import load_checkpoint
from mmpose_ext.engine.launch import add_cfg_options, add_trust_checkpoint
from mmpose_ext.engine.lifter_files import LifterFiles, load_config, load_weights
from mmpose_ext.models.layers.low_rank_adaptation import (
    ATTENTION_LAYERS,
    adapter_state_dict,
    merge_adapters,
)
from mmpose_ext.version import __version__

FORMAT, FORMAT_VERSION = 'mmpose-ext adapter', '1'
TOLERANCE = 1e-5
_PARTS = ('backbone.', 'head.', 'bias.')  # what predicts, as opposed to what trains


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of the adaptation, with model.lora')
    parser.add_argument(
        'checkpoint', help='the adapted lifter; with --apply the source'
    )
    parser.add_argument(
        '--adapter', type=Path, help='write what was learned (.safetensors)'
    )
    parser.add_argument(
        '--merged', type=Path, help='write a lifter without LoRA (.pth)'
    )
    parser.add_argument(
        '--apply', type=Path, metavar='ADAPTER', help='put this on the source'
    )
    parser.add_argument(
        '--adapted', type=Path, help='with --apply: write a lifter with LoRA (.pth)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace files')
    add_trust_checkpoint(parser)
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.apply and args.adapter:
        parser.error('--apply reads an adapter and --adapter writes one; give one')
    if args.adapted and not args.apply:
        parser.error('--adapted is for --apply; CHECKPOINT is such a file already')
    if not (args.merged or args.adapter or args.adapted):
        parser.error(
            'nothing to write: give '
            + ('--adapted or --merged' if args.apply else '--adapter or --merged')
        )
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Read, check, write."""
    args = parse_args(argv)
    check_outputs(args)
    files = LifterFiles('', args.config, args.checkpoint)
    for file in (args.config, args.checkpoint, args.apply):
        if file is not None and not Path(file).expanduser().is_file():
            raise FileNotFoundError(f'there is no file {file}')
    cfg = adaptation_config(files, args)
    lifter = MODELS.build(cfg.model).eval()
    if args.apply:
        load_source(lifter, files, args)
    else:
        load_adapted(lifter, files, args)
    write_all(lifter, cfg, args)


def check_outputs(args: argparse.Namespace) -> None:
    """Refuse files to write that exist or have another ending.

    Raises:
        ValueError: If an ending does not fit, or two files are the same.
        FileExistsError: If a file exists and ``--overwrite`` is not given.
    """
    endings = {'adapter': '.safetensors', 'merged': '.pth', 'adapted': '.pth'}
    outputs = {n: getattr(args, n) for n in endings if getattr(args, n) is not None}
    for name, path in outputs.items():
        if path.suffix != endings[name]:
            raise ValueError(f'--{name} {path}: expected a name ending {endings[name]}')
        if path.exists() and not args.overwrite:
            raise FileExistsError(
                f'{path} exists; choose another name or pass --overwrite'
            )
    if len(set(outputs.values())) < len(outputs):
        raise ValueError(f'--merged and --adapted are both {args.merged}')


def adaptation_config(files: LifterFiles, args: argparse.Namespace) -> Config:
    """The config, without a teacher, which has no part in prediction.

    Raises:
        ValueError: If it does not adapt with LoRA.
    """
    cfg = load_config(files, args)
    if cfg.model.get('lora') is None:
        raise ValueError(
            f'{files.config} has a {cfg.model.type} without LoRA (model.lora), whose '
            'training changes all weights: publish the checkpoint as it is, with '
            'tools/misc/publish_model.py, or give the config of an adaptation'
        )
    cfg.model.teacher = None
    return cfg


def read_weights(args: argparse.Namespace) -> dict[str, Tensor]:
    """The weights of the checkpoint, without those of a teacher."""
    checkpoint = load_checkpoint(args.checkpoint, trust=args.trust_checkpoint)
    state = checkpoint.get('state_dict', checkpoint)
    return {k: v for k, v in state.items() if not k.startswith('teacher.')}


def load_adapted(lifter: Any, files: LifterFiles, args: argparse.Namespace) -> None:
    """Load the checkpoint of an adaptation.

    Raises:
        ValueError: If it is one of something else.
    """
    state = read_weights(args)
    missing = learned_state(lifter).keys() - state.keys()
    if missing:
        raise ValueError(
            f'{args.checkpoint} lacks {len(missing)} tensors that an adaptation with '
            f'{args.config} learns, such as {min(missing)}; give its checkpoint (the '
            'source is for --apply)'
        )
    load_weights(lifter, beside_parts(lifter) | state, files)


def load_source(lifter: Any, files: LifterFiles, args: argparse.Namespace) -> None:
    """Load the source that was adapted, and the adapter.

    Raises:
        ValueError: If the adapter is of another lifter or another source.
    """
    learned, facts = read_adapter(args.apply)
    check_adapter(learned, facts, lifter, args)
    state = beside_parts(lifter) | learned | read_weights(args)
    load_weights(lifter, state, files)
    lifter.load_state_dict(learned, strict=False)  # where the source had something
    if facts['source_sha256'] != sha256_of_source(lifter):
        raise ValueError(
            f'{args.apply} was trained on other weights than those of '
            f'{args.checkpoint}, so the two do not make the adapted lifter; give the '
            f'source that {facts["config"]} was adapted from'
        )


def beside_parts(lifter: Any) -> dict[str, Tensor]:
    """Weights as they start of what only training needs, such as a GAN."""
    return {
        name: value
        for name, value in lifter.state_dict().items()
        if not name.startswith(_PARTS)
    }


def learned_state(lifter: Any) -> dict[str, Tensor]:
    """What adaptation changes: LoRA, bias, and statistics of batch normalisation."""
    state = lifter.state_dict()
    names = set(adapter_state_dict(lifter)) | {
        name for name in state if name.startswith('bias.')
    }
    names |= {name for name, _ in lifter.named_buffers()}
    return {
        name: value.detach().contiguous()
        for name, value in state.items()
        if name in names and name.startswith(_PARTS)
    }


def sha256_of_source(lifter: Any) -> str:
    """Checksum of the frozen weights, with or without LoRA beside them."""
    state, learned = lifter.state_dict(), learned_state(lifter)
    digest = hashlib.sha256()
    for name in sorted(state):
        if name.startswith(_PARTS) and name not in learned:
            plain = name.replace('.base_layer.', '.')
            value = state[name].contiguous()
            digest.update(f'{plain} {value.dtype} {tuple(value.shape)};'.encode())
            digest.update(value.numpy())
    return digest.hexdigest()


def facts_of(lifter: Any, cfg: Config, config: str) -> dict[str, str]:
    """What an adapter file says of itself."""
    return {
        'format': FORMAT,
        'format_version': FORMAT_VERSION,
        'config': Path(config).stem,
        'rank': str(rank_of(learned_state(lifter))),
        'targets': json.dumps(cfg.model.lora.get('targets', ATTENTION_LAYERS)),
        'bias': json.dumps(cfg.model.get('bias', 'pck')),
        'source_sha256': sha256_of_source(lifter),
        'mmpose_ext': __version__,
    }


def rank_of(learned: Mapping[str, Tensor]) -> int:
    """Rank of the LoRA weights."""
    return next(len(value) for name, value in learned.items() if '.lora_A.' in name)


def read_adapter(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of an adapter file, and what it says of itself.

    Raises:
        ValueError: If it is damaged, another kind of file or of another format.
    """
    try:
        with safe_open(path.expanduser(), 'pt') as file:
            facts = file.metadata() or {}
            learned = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f'{path} cannot be read as safetensors: {error}') from error
    if facts.get('format') != FORMAT:
        raise ValueError(
            f'{path} is no adapter; make one with tools/misc/export_adapter.py '
            '--adapter'
        )
    if facts.get('format_version') != FORMAT_VERSION:
        raise ValueError(
            f'{path} has format version {facts.get("format_version")}, this version of '
            f'mmpose_ext ({__version__}) reads {FORMAT_VERSION}'
        )
    return learned, facts


def check_adapter(
    learned: Mapping[str, Tensor],
    facts: Mapping[str, str],
    lifter: Any,
    args: argparse.Namespace,
) -> None:
    """Refuse an adapter of another lifter.

    Raises:
        ValueError: If rank, names or shapes differ.
    """
    expected = learned_state(lifter)
    about = f'{args.apply}, exported with {facts["config"]}, does not fit {args.config}'
    hint = 'give the config (and --cfg-options) that it was trained with'
    if facts['rank'] != str(rank_of(expected)):
        raise ValueError(
            f'{about}: LoRA of rank {facts["rank"]}, not {rank_of(expected)}; {hint}'
        )
    for names, what in (
        (learned.keys() - expected.keys(), 'has tensors that the lifter has not'),
        (expected.keys() - learned.keys(), 'lacks tensors of the lifter'),
    ):
        if names:
            raise ValueError(
                f'{about}: it {what}, {len(names)}, such as {min(names)} (LoRA of '
                f'{facts["targets"]}, bias {facts["bias"]}); {hint}'
            )
    for name, value in learned.items():
        if value.shape != expected[name].shape:
            raise ValueError(
                f'{about}: {name} has shape {tuple(value.shape)}, not '
                f'{tuple(expected[name].shape)}; {hint}'
            )


def write_all(lifter: Any, cfg: Config, args: argparse.Namespace) -> None:
    """Write the files that were asked for, after all checks."""
    learned, facts = learned_state(lifter), facts_of(lifter, cfg, args.config)
    numbers = sum(value.numel() for value in learned.values())
    targets = ', '.join(json.loads(facts['targets']))
    print(
        f'adapter: {numbers:,} numbers in {len(learned)} tensors, LoRA of rank '
        f'{facts["rank"]} on {targets}'
    )
    contents: dict[Path, bytes | dict[str, Any]] = {}
    about = {key: facts[key] for key in ('config', 'mmpose_ext')}
    if args.adapter:
        contents[args.adapter] = save(learned, metadata=facts)
    if args.adapted:
        contents[args.adapted] = {
            'state_dict': copied_state(lifter),
            'meta': {**about, 'adapter': args.apply.name},
        }
    if args.merged:
        contents[args.merged] = {
            'state_dict': merged_state(lifter, cfg),
            'meta': {**about, 'lora': 'merged'},
        }
    for path, content in contents.items():
        if isinstance(content, bytes):
            write_bytes(path, content)
        else:
            with atomic_path(path) as temporary:
                torch.save(content, temporary)
        print(f'wrote {path} ({path.stat().st_size / 1e6:.1f} MB)')
    if args.merged:
        print('the config of the merged lifter needs --cfg-options model.lora=None')


def merged_state(lifter: Any, cfg: Config) -> dict[str, Tensor]:
    """Merge, in place, and compare with what the lifter gave before.

    Returns:
        Weights of the lifter with ``lora=None``.

    Raises:
        ValueError: If its output differs.
    """
    before = random_output(lifter, cfg)
    merge_adapters(lifter)
    state = copied_state(lifter)
    plain = MODELS.build({**cfg.model, 'lora': None}).eval()
    plain.load_state_dict(state)
    difference = float((random_output(plain, cfg) - before).abs().max())
    print(f'merged: outputs for random input differ by at most {difference:.1e}')
    if not difference <= TOLERANCE:
        raise ValueError(
            f'the merged lifter differs by {difference:.1e}, more than {TOLERANCE:g}, '
            'so it was not written; are the weights of the checkpoint sound?'
        )
    return state


def copied_state(lifter: Any) -> dict[str, Tensor]:
    """Weights, each in memory of its own."""
    return {name: value.clone() for name, value in lifter.state_dict().items()}


@torch.no_grad()
def random_output(lifter: Any, cfg: Config) -> Tensor:
    """Output of one call of the network for random windows, ``(2, T, K, 3)``."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, cfg.test_dataloader.dataset.seq_len, lifter.head.decoder.num_keypoints)
    keypoints = 2 * torch.rand((*shape, 2), generator=generator) - 1
    noise = torch.randn((*shape, 3), generator=generator)
    last = lifter.diffusion.last_step
    timesteps = torch.tensor([last, last // 2])
    return lifter.denoise(keypoints, lifter.diffusion.clamp(noise), timesteps)


if __name__ == '__main__':
    main()
