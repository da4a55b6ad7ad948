"""What a run leaves for the tables."""

import json

from mmpose_ext.engine.run_record import collect, machine, training_seconds


def write_scalars(work_dir, part, rows):
    folder = work_dir / part / 'vis_data'
    folder.mkdir(parents=True)
    lines = '\n'.join(map(json.dumps, rows))
    (folder / 'scalars.json').write_text(lines)


def test_training_seconds_of_a_resumed_run(tmp_path):
    first = [
        dict(loss=1.0, time=0.5, step=100),
        dict(loss=1.0, time=0.4, step=200),
        dict(MPJPE=90.0, time=9.0, step=200),
    ]
    again = [
        dict(loss=1.0, time=0.2, step=200),
        dict(loss=1.0, time=0.3, step=300),
    ]
    write_scalars(tmp_path, '20260101_000000', first)
    write_scalars(tmp_path, '20260102_000000', again)
    # Step 200 ran twice and counts once, as it went in the end.
    assert training_seconds(tmp_path) == 100 * (0.5 + 0.2 + 0.3)


def test_collect(tmp_path):
    file = tmp_path / 'metrics.json'
    file.write_text(json.dumps({'metrics': {'MPJPE': 50.0}, 'sequences': []}))
    record = collect(
        file,
        row='a',
        config='c.py',
        options={'x': 1},
        seed=2,
        command=['python', 'tools/train.py'],
        train_seconds=3.0,
    )
    assert record['metrics'] == {'MPJPE': 50.0}
    assert record['command'] == 'python tools/train.py'
    assert (record['row'], record['seed'], record['train_seconds']) == ('a', 2, 3.0)
    assert record['machine'] == machine()
