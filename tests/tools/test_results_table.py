"""Tables of several data sets: their metrics, their rows, their places in the pages."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmpose_ext.evaluation.metrics import PerNetworkMetric

REPO = Path(__file__).parents[2]
LISTS = sorted(REPO.glob('configs/[!_]*/experiments.yaml'))
FAMILY = REPO / 'configs/dual_student'
GROUPS = {
    'table_6': 'dual_r18_mpii_h36m.py',
    'table_7': 'finetune_r18_h36m.py',
    'table_8': 'finetune_r18_h36m.py',
}


@pytest.fixture(scope='module')
def tables(load_tool):
    return load_tool('analysis_tools/results_table')


def content_of(file):
    return yaml.safe_load(file.read_text(encoding='utf-8'))


def write_result(folder, row, **metrics):
    folder.mkdir(exist_ok=True)
    result = dict(seed=0, train_seconds=60.0, metrics=metrics)
    (folder / f'{row}_seed0.json').write_text(json.dumps(result))


def mpii_scores():
    """What MMPose's metric gives for a network that finds every joint."""
    sample = PoseDataSample()
    joints = np.random.default_rng(0).uniform(50, 150, (1, 16, 2))
    # Its truth counts pixels from 1.
    sample.gt_instances = InstanceData(
        keypoints=joints + 1,
        keypoints_visible=np.ones((1, 16)),
        head_size=np.full((1, 1), 30.0),
    )
    sample.pred_instances = InstanceData(keypoints=joints)
    evaluator = Evaluator(PerNetworkMetric([dict(type='MpiiPCKAccuracy')]))
    evaluator.process([sample])
    return evaluator.evaluate(1)


def test_a_metric_belongs_to_its_data(tables, tmp_path):
    """`mean/PCK` is a share of rendered people's joints and MPII's PCKh in per cent."""
    configs = {'synthetic': 'Rendered people', 'mpii': 'MPII, AI Challenger unlabelled'}
    models = [
        {'Config': name, 'Metadata': {'Training Data': data}}
        for name, data in configs.items()
    ]
    content = {
        'rows': [dict(name=name, config=name) for name in configs],
        'metafile': content_of(FAMILY / 'experiments.yaml')['metafile'],
    }
    (tmp_path / 'experiments.yaml').write_text(yaml.safe_dump(content))
    rendered = {'mean/AP': 0.173, 'mean/AP .5': 0.49, 'mean/AR': 0.2, 'mean/PCK': 0.893}
    write_result(tmp_path / 'results', 'synthetic', **rendered)
    write_result(tmp_path / 'results', 'mpii', **mpii_scores())
    text = tables.render_metafile(yaml.safe_dump({'Models': models}), tmp_path)
    one, other = (
        model['Results'][0]['Metrics'] for model in yaml.safe_load(text)['Models']
    )
    assert one == {'AP': 17.3, 'AP@0.5': 49.0, 'AR': 20.0, 'PCK@0.2': 89.3}
    assert other == {'PCKh@0.5': 100.0}


def test_a_row_without_scores_is_not_reproduced(tables, tmp_path):
    """Test-dev's scores come from a server, later than the result file."""
    spec = dict(rows=dict(net='Net'), columns=dict(AP=dict(metric='mean/AP')))
    write_result(tmp_path, 'net')
    assert tables.make_table(spec, tmp_path).endswith(
        '| Net |  | 0 | 1 min | not yet |'
    )
    write_result(tmp_path, 'net', **{'mean/AP': 0.7})
    assert tables.make_table(spec, tmp_path).endswith('| 0 | 1 min | reproduced here |')


@pytest.mark.parametrize('file', LISTS, ids=lambda file: file.parent.name)
def test_every_table_has_rows_and_a_place(tables, file):
    content = content_of(file)
    names = {row['name'] for row in content['rows']}
    pages = [page.read_text(encoding='utf-8') for page in file.parent.glob('*.md')]
    shown = [name for page in pages for name in tables.PATTERN.findall(page)]
    assert sorted(shown) == sorted(content['tables'])
    for table in content['tables'].values():
        assert set(table['rows']) <= names


def test_columns_of_mpii_are_what_its_metric_writes():
    table = content_of(FAMILY / 'experiments.yaml')['tables']['table_5']
    scores = mpii_scores()
    for column in table['columns'].values():
        assert scores[column['metric']] == pytest.approx(100) and 'scale' not in column


@pytest.mark.parametrize(('table', 'config'), GROUPS.items())
def test_columns_of_human36m_are_what_its_metrics_write(table, config):
    columns = content_of(FAMILY / 'experiments.yaml')['tables'][table]['columns']
    name = 'JDR' if table == 'table_7' else 'MPJPE'
    cfg = Config.fromfile(FAMILY / config)
    for metric in cfg.test_evaluator.scored_by:
        expected = [f'mean/{name}/{group}' for group in metric.joint_groups]
        found = [column['metric'] for column in columns.values()]
        assert found == [*expected, f'mean/{name}']
        if metric.type == 'TriangulatedPoseMetric':
            assert metric.max_error == 50
