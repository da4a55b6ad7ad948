import json

import pytest


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/analyze_logs')


@pytest.fixture
def log(tmp_path):
    """Two epochs of two records, a validation after each, as MMEngine writes them."""
    records = []
    for epoch in (1, 2):
        for k, time in enumerate((1.0, 0.1 * epoch)):
            step = 20 * (epoch - 1) + 10 * (k + 1)
            records.append(
                dict(epoch=epoch, iter=step, step=step, loss=1 / step, time=time)
            )
        records.append(dict(MPJPE=100.0 - epoch, step=epoch))
    path = tmp_path / 'scalars.json'
    path.write_text('\n'.join(json.dumps(record) for record in records) + '\n')
    return str(path)


def test_curves(tool, log):
    records = tool.load_log(log)
    steps, values = tool.curve_of(records, 'loss')
    assert steps.tolist() == [10, 20, 30, 40] and values[0] == 0.1
    steps, values = tool.curve_of(records, 'MPJPE')
    assert steps.tolist() == [20, 40], 'validations stand at the training step'
    assert values.tolist() == [99, 98]


def test_times(tool, log, capsys):
    records = tool.load_log(log)
    assert tool.train_times(records, include_outliers=False) == [0.1, 0.2]
    assert tool.train_times(records, include_outliers=True) == [0.55, 0.6]
    tool.main(['cal_train_time', log])
    text = capsys.readouterr().out
    assert 'slowest epoch 2, average time is 0.2000' in text
    assert 'average iter time: 0.1500 s/iter' in text


def test_plot(tool, log, tmp_path):
    out = tmp_path / 'curve.png'
    keys = ['--keys', 'loss', 'MPJPE', '--title', 'a run', '--style', 'whitegrid']
    tool.main(['plot_curve', log, *keys, '--out', str(out)])
    assert out.stat().st_size > 1000


def test_invalid(tool, log, tmp_path):
    with pytest.raises(KeyError, match=r"no 'acc'; it has .*'loss'"):
        tool.main(['plot_curve', log, '--keys', 'acc', '--out', 'x.png'])
    with pytest.raises(ValueError, match='as many legends'):
        tool.main(['plot_curve', log, '--legend', 'a', 'b', '--out', 'x.png'])
    with pytest.raises(FileNotFoundError, match='no log'):
        tool.load_log(str(tmp_path / 'missing.json'))
    text = tmp_path / 'text.log'
    text.write_text('hello\n')
    with pytest.raises(ValueError, match='line 1'):
        tool.load_log(str(text))
    with pytest.raises(ValueError, match='--include-outliers'):
        tool.train_times([dict(epoch=1, time=1.0)], include_outliers=False)
