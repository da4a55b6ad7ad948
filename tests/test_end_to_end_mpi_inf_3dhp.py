"""MPI-INF-3DHP from its files to numbers, through converter, config and runner."""

from __future__ import annotations

import json
from pathlib import Path

import mpi_inf_3dhp_format as formats
import mpi_inf_3dhp_to_store as converter
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.models.heads.lifting_head import stack_labels

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.filterwarnings('ignore:.*valid frames.*none of the counts')


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    """A store made of the two files of P-STMO."""
    folder = tmp_path_factory.mktemp('mpi_inf_3dhp')
    files = [
        formats.write_npz(folder / 'data_train_3dhp.npz', formats.train_data()),
        formats.write_npz(folder / 'data_test_3dhp.npz', formats.test_data()),
    ]
    converter.main([*map(str, files), '--out', str(folder / 'store')])
    return folder / 'store'


@pytest.fixture
def runner(store, tmp_path):
    """Makes runners of the config with the small store and a small model."""

    def make(**options):
        cfg = Config.fromfile(ROOT / 'configs/prml/prml_3dhp_9.py')
        for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            cfg[key].update(batch_size=4, num_workers=0, persistent_workers=False)
            cfg[key].dataset.store = str(store)
        for part in ('backbone', 'neck'):
            cfg.model[part].update(embed_dims=8, num_heads=2)
        cfg.model.backbone.update(depth_2d=1, depth_d=1)
        cfg.model.head.update(in_channels=8, hidden_dims=8)
        cfg.train_cfg.max_epochs = 1
        del cfg.default_hooks.learning_curve
        cfg.work_dir = str(tmp_path)
        cfg.experiment_name = f'mpi_inf_3dhp_{len(list(tmp_path.iterdir()))}'
        cfg.test_evaluator.outfile = str(tmp_path / 'metrics.json')
        # As `--cfg-options` does it.
        cfg.merge_from_dict(options)
        return Runner.from_cfg(cfg)

    return make


def report_of(runner):
    metrics = runner.test()
    return metrics, json.loads((Path(runner.work_dir) / 'metrics.json').read_text())


def perfect(runner):
    """Make the network's output the label, in the units in which it learns."""
    runner.model.predict_coordinates = lambda inputs, samples: stack_labels(samples)[0]
    return runner


def test_trains_and_tests(runner):
    trained = runner()
    before = {k: v.clone() for k, v in trained.model.state_dict().items()}
    trained.train()
    after = trained.model.state_dict()
    assert not [key for key in after if (after[key] == before[key]).all()]
    metrics, report = report_of(trained)
    assert 0 < metrics['MPJPE'] < 2000 and 0 <= metrics['PCK@150'] <= 100
    assert set(metrics) >= {'MPJPE/subject/TS1', 'MPJPE/subject/TS5', 'AUC'}
    assert report['num_frames'] == 13
    assert len(report['pck_joints']) == 14 and report['joints'] is None
    protocol = report['protocol']
    assert protocol['annotation'] == 'univ_annot3'
    assert (protocol['scored'], protocol['seq_len']) == ('centre', 9)
    assert protocol['valid_frames'] == 13
    log = next(Path(trained.work_dir).glob('*/*.log')).read_text()
    assert 'Protocol: scored: centre; seq len: 9; annotation: univ_annot3;' in log


@pytest.mark.parametrize('scored', ['centre', 'all'])
def test_both_protocols_score_every_valid_frame(runner, scored):
    tested = perfect(runner(**{'test_dataloader.dataset.scored': scored}))
    dataset = tested.build_dataloader(tested.cfg.test_dataloader).dataset
    assert len(dataset) == (13 if scored == 'centre' else 3 + 2)
    metrics, report = report_of(tested)
    assert report['protocol']['scored'] == scored
    assert {row['name']: row['frames'] for row in report['sequences']} == {
        'TS1': 8,
        'TS5': 5,
    }
    assert metrics['MPJPE'] < 1e-3
    assert metrics['PCK@150'] == 100
    assert metrics['AUC'] == pytest.approx(96.774, abs=1e-3)


def test_legacy_denormalization(runner, store):
    option = {'model.head.decoder.denormalization': 'legacy'}
    metrics, report = report_of(perfect(runner(**option)))
    frames = FrameStore(store)
    row = frames.sequences[-1]
    assert row.name == 'TS5'
    rows = slice(row.start, row.start + row.length)
    pose = frames['pose_cam'][rows][frames['valid'][rows]].astype(float)
    size = np.linalg.norm(pose - pose[:, :1], axis=-1).mean() * 1000
    assert metrics['MPJPE/subject/TS5'] == pytest.approx(0.0625 * size, rel=1e-3)
    assert metrics['MPJPE/subject/TS1'] < 1e-3
    assert report['protocol']['denormalization'] == 'legacy'
    assert report['protocol']['unit_m'] == 1.024
