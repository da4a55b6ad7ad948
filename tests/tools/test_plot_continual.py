import json

import matplotlib.image
import numpy as np
import plot_continual as tool
import pytest

from mmpose_ext.engine.continual import TaskRecord

TASKS = [['A02', 'A03'], ['A04'], ['A05']]


def write_run(folder, errors, tasks=TASKS):
    """A record in which the rows of ``errors`` were measured."""
    record = TaskRecord.of(tasks)
    for after, row in enumerate(errors):
        for task, value in enumerate(row):
            metrics = {'MPJPE': value, 'P-MPJPE': value / 2}
            record.set_error(after, task, metrics)
    folder.mkdir()
    record.save(folder / 'continual.json')
    return str(folder)


@pytest.fixture
def runs(tmp_path):
    """A naive run and two seeds of another method."""
    errors = np.array([[50.0, 90, 95], [70, 40, 80], [80, 60, 30]])
    return [
        write_run(tmp_path / name, errors - less)
        for name, less in (('naive', 0), ('ours_seed0', 10), ('ours_seed1', 20))
    ]


def test_values(runs, tmp_path, capsys):
    records = [tool.read_record(tool.Path(run)) for run in runs]
    labels = [tool.method_of(run) for run in runs]
    methods, names = tool.gather(records, labels, 'MPJPE')
    assert names == ['A02\nA03', 'A04', 'A05']
    assert methods['naive'].shape == (1, 3, 3) and methods['ours'].shape == (2, 3, 3)
    assert methods['ours'][:, 2, 0].tolist() == [70, 60]
    halved, _ = tool.gather(records, ['a', 'b', 'c'], 'P-MPJPE')
    assert halved['a'][0, 0, 0] == 25
    figure = tool.draw_errors({'MPJPE': methods}, names)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ['naive', 'ours, 2 runs']
    at_end, right_after = figure.axes[1], figure.axes[3]
    assert at_end.get_ylim() == right_after.get_ylim()
    assert at_end.get_ylim()[1] > 80 and right_after.get_ylim()[1] > 50
    assert at_end.lines[1].get_ydata().tolist() == [65, 45, 15]


def test_both_metrics(runs):
    records = [tool.read_record(tool.Path(run)) for run in runs]
    labels = ['naive', 'ours', 'ours']
    errors = {name: tool.gather(records, labels, name)[0] for name in tool.METRICS}
    figure = tool.draw_matrices(errors, ['a', 'b', 'c'])
    assert [ax.get_title() for ax in figure.axes] == [
        *('naive: MPJPE, mm', 'ours: MPJPE, mm'),
        *('naive: P-MPJPE, mm', 'ours: P-MPJPE, mm'),
    ]
    limits = [ax.images[0].get_clim() for ax in figure.axes]
    assert limits == [(15, 95)] * 2 + [(7.5, 47.5)] * 2
    assert [ax.get_ylabel() != '' for ax in figure.axes] == [True, False] * 2
    figure = tool.draw_errors(errors, ['a', 'b', 'c'])
    assert len(figure.axes) == 8
    for block, factor in zip((figure.axes[:4], figure.axes[4:]), (1, 0.5), strict=True):
        ours = block[1].lines[1].get_ydata()
        assert ours.tolist() == [factor * value for value in (65, 45, 15)]
        assert ('P-MPJPE' in block[1].get_ylabel()) == (factor == 0.5)


def test_names(tmp_path):
    (tmp_path / 'b_seed12').mkdir()
    runs = [tmp_path / name for name in ('a_seed0.json', 'a_seed1.json', 'b_seed12')]
    runs += [tmp_path / 'b_seed2' / 'continual.json', tmp_path / 'seeded', tmp_path]
    names = [tool.method_of(str(run)) for run in runs]
    assert names == ['a', 'a', 'b', 'b', 'seeded', tmp_path.name]
    common = [*map(str, runs[:4]), '--out', 'x.png', '--labels']
    assert tool.parse_args([*common, 'one', 'two']).names == {'a': 'one', 'b': 'two'}
    with pytest.raises(SystemExit):
        tool.parse_args([*common, 'one'])


def test_result_files(runs, tmp_path, capsys):
    files = []
    for run in map(tool.Path, runs):
        content = json.loads((run / 'continual.json').read_text(encoding='utf-8'))
        summary = content.pop('summary')
        result = {'row': run.name, 'metrics': summary, 'continual': content}
        files.append(tmp_path / f'{run.name}.json')
        files[-1].write_text(json.dumps(result), encoding='utf-8')
    pictures = []
    for number, paths in enumerate((runs, map(str, files))):
        out = tmp_path / f'{number}.png'
        options = ['--labels', 'one', 'two', '--metric', 'MPJPE', 'P-MPJPE']
        tool.main([*paths, *options, '--out', str(out)])
        pictures.append(matplotlib.image.imread(out))
    np.testing.assert_array_equal(*pictures)
    files[0].write_text(json.dumps({'row': 'mlp', 'metrics': {}}), encoding='utf-8')
    with pytest.raises(ValueError, match=r'naive\.json .*not that of a run over tasks'):
        tool.main([str(files[0]), '--out', str(tmp_path / 'x.png')])


def test_files(runs, tmp_path, capsys):
    out, matrices = tmp_path / 'new' / 'errors.png', tmp_path / 'matrices.png'
    files = [f'{run}/continual.json' for run in runs]
    options = ['--out', str(out), '--matrices', str(matrices)]
    tool.main([runs[0], *files[1:], *options, '--metric', 'P-MPJPE'])
    assert matplotlib.image.imread(out).shape[2] == 4
    assert matplotlib.image.imread(matrices).shape[2] == 4
    assert capsys.readouterr().out.count('wrote') == 2


def test_losses(runs, tmp_path, capsys):
    rng = np.random.default_rng(0)
    noisy = rng.random(60) < 0.3
    content = {
        'losses': (0.2 + 0.5 * noisy + 0.05 * rng.random(60)).tolist(),
        'noisy': noisy.astype(int).tolist(),
        'clean_probability': (1.0 - noisy).tolist(),
        'gaussians': dict(weights=[0.7, 0.3], means=[0.2, 0.7], stds=[0.02, 0.02]),
    }
    for run in runs[:2]:
        file = tool.Path(run) / 'losses_task_3.json'
        file.write_text(json.dumps(content), encoding='utf-8')
    fit = tool.read_losses(tool.Path(runs[0]), 3)
    assert (fit.noisy == noisy).all()
    assert fit.gaussians.means.tolist() == [0.2, 0.7]
    out = tmp_path / 'losses.png'
    tool.main([*runs[:2], '--losses', str(out), '--task', '3'])
    assert matplotlib.image.imread(out).std() > 0.01
    assert capsys.readouterr().out == f'wrote {out}\n'
    with pytest.raises(FileNotFoundError, match='losses_task_2.json'):
        tool.main([*runs[:2], '--losses', str(out)])
    for change in (
        {'gaussians': {'means': [1, 2]}},
        {'noisy': [0]},
        {'losses': 'x'},
        None,
    ):
        broken = content | change if change else {'losses': [0.1]}
        file.write_text(json.dumps(broken), encoding='utf-8')
        with pytest.raises(ValueError, match='losses_task_3.json holds no losses'):
            tool.main([*runs[:2], '--losses', str(out), '--task', '3'])
    file.write_text(json.dumps(content | {'gaussians': None}), encoding='utf-8')
    assert tool.read_losses(tool.Path(runs[1]), 3).gaussians is None


def test_each_run_has_its_panel():
    names = tool.panel_names(['naive', 'ours', 'ours'])
    assert names == ['naive', 'ours, run 1', 'ours, run 2']


def test_a_run_that_has_not_finished(runs, tmp_path, capsys):
    short = write_run(tmp_path / 'short', [[50, 90], [70, 40, 80]])
    tool.main([*runs, short, '--out', str(tmp_path / 'errors.png')])
    assert 'the 2 tasks that all' in capsys.readouterr().out
    one = write_run(tmp_path / 'one', [[50, 90]])
    tool.main([one, '--out', str(tmp_path / 'errors.png')])


def test_invalid(runs, tmp_path):
    out = ['--out', str(tmp_path / 'x.png')]
    with pytest.raises(FileNotFoundError, match='TaskIncrementalTrainLoop'):
        tool.main([str(tmp_path), *out])
    other = write_run(tmp_path / 'other', [[50, 90]], tasks=[['A02'], ['A03']])
    with pytest.raises(ValueError, match=r"'other' has the tasks \[\['A02'\]"):
        tool.main([runs[0], other, *out])
    none = write_run(tmp_path / 'none', [])
    with pytest.raises(ValueError, match="'none' has not learnt"):
        tool.main([none, *out])
    file = tmp_path / 'continual.json'
    broken = {'tasks': TASKS, 'errors': {'MPJPE': [[1]], 'P-MPJPE': [[1]]}}
    for text in ('x', '[1]', '{}', json.dumps(broken)):
        file.write_text(text)
        with pytest.raises(ValueError, match=r'no continual\.json'):
            tool.main([str(file), *out])
    for arguments in ([runs[0]], [*runs, *out, '--labels', 'a']):
        with pytest.raises(SystemExit):
            tool.main(arguments)
    assert not (tmp_path / 'x.png').exists()
