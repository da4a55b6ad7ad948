"""The list of experiments, and the tables made from its results."""

import json
from pathlib import Path

import pytest
import yaml

from mmpose_ext.visualization import read_responses

REPO = Path(__file__).parents[2]
CONFIG = str(REPO / 'configs/prml/prml_mocap_9.py')


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('experiments')


@pytest.fixture(scope='module')
def tables(load_tool):
    return load_tool('analysis_tools/results_table')


@pytest.fixture
def family(tmp_path):
    """A family folder with a list of two rows and a table."""
    rows = [
        dict(name='net', config=CONFIG, seeds=[0, 1], options={'a.b': 'det'}),
        dict(name='ridge', config=CONFIG, baseline='ridge', size='full'),
    ]
    table = dict(
        rows=dict(net='Net', ridge='ridge'),
        columns=['MPJPE'],
        reference='ridge',
    )
    folder = tmp_path / 'family'
    folder.mkdir()
    content = dict(rows=rows, tables=dict(main=table))
    (folder / 'experiments.yaml').write_text(yaml.safe_dump(content))
    (folder / 'README.md').write_text(
        '# F\n<!-- results: main -->\nold\n<!-- /results -->\nend\n'
    )
    return folder


def write_result(family, row, seed, errors):
    sequences = [
        dict(name=f's{i}_cam', camera='cam', frames=10, MPJPE=error)
        for i, error in enumerate(errors)
    ]
    result = dict(
        seed=seed,
        train_seconds=120.0,
        metrics={'MPJPE': sum(errors) / len(errors), 'P-MPJPE': 1.0},
        sequences=sequences,
    )
    file = family / 'results' / f'{row}_seed{seed}.json'
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result))


def test_jobs_and_commands(tool, family, tmp_path):
    jobs = list(tool.read_jobs(family / 'experiments.yaml', tmp_path / 'work'))
    assert [(job.row, job.seed) for job in jobs] == [
        ('net', 0),
        ('net', 1),
        ('ridge', 0),
    ]
    assert jobs[1].command()[3:] == ['--seed', '1', '--cfg-options', 'a.b=det']
    assert jobs[2].command()[1] == 'tools/analysis_tools/linear_baseline.py'
    assert [job.row for job in tool.choose(jobs, None, 'full')] == ['ridge']
    with pytest.raises(ValueError, match='no row'):
        tool.choose(jobs, ['nett'], None)


@pytest.fixture
def chain(tmp_path):
    """A list in which two rows start from a third."""
    rows = [
        dict(name='source', config=CONFIG, seeds=[0, 1]),
        dict(name='adapted', config=CONFIG, seeds=[0, 1], init='source'),
        dict(name='plain', config=CONFIG, seeds=[1], init='source', test_only=True),
        dict(
            name='taught',
            config=CONFIG,
            seeds=[1],
            init='source',
            init_option='model.teacher.checkpoint',
        ),
    ]
    file = tmp_path / 'family' / 'experiments.yaml'
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(dict(rows=rows)))
    return file


def test_rows_that_start_from_another(tool, chain, tmp_path, monkeypatch, capsys):
    calls = {}

    def fake_call(command, job):
        calls[job.row, job.seed] = command
        job.metrics_file.write_text('{"metrics": {"MPJPE": 1.0}, "sequences": []}')
        return True

    monkeypatch.setattr(tool, 'call', fake_call)
    work = tmp_path / 'work'
    for seed in (0, 1):  # seed 0 was interrupted: it has no result
        (work / f'source_seed{seed}').mkdir(parents=True)
        last = work / f'source_seed{seed}' / 'last_checkpoint'
        last.write_text('/elsewhere/iter_9.pth')
    write_result(chain.parent, 'source', 1, [1.0])
    argv = [str(chain), '--work-dir', str(work), '--only', 'adapted', 'plain', 'taught']
    assert tool.main(argv) == 1, 'seed 0 of the source is not finished'
    assert 'needs source seed 0' in capsys.readouterr().out
    assert set(calls) == {('adapted', 1), ('plain', 1), ('taught', 1)}
    start = work / 'source_seed1' / 'iter_9.pth'
    assert f'model.teacher.checkpoint={start}' in calls['taught', 1]
    assert not any('load_from' in word for word in calls['taught', 1])
    assert f'load_from={start}' in calls['adapted', 1]
    assert calls['plain', 1][1:4] == ['tools/test.py', CONFIG, str(start)]
    assert not any('load_from' in word for word in calls['plain', 1])
    results = chain.parent / 'results'
    record = json.loads((results / 'plain_seed1.json').read_text())
    assert record['command'].startswith(f'python tools/test.py {CONFIG} {start}')
    assert record['train_seconds'] is None
    record = json.loads((results / 'adapted_seed1.json').read_text())
    assert f'load_from={start}' in record['command']


def test_rows_come_after_what_they_start_from(tool, chain, tmp_path):
    content = yaml.safe_load(chain.read_text())
    content['rows'].reverse()
    chain.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match='taught starts from a row that is not above'):
        list(tool.read_jobs(chain, tmp_path))


def test_run_skips_what_is_done_and_resumes(tool, family, tmp_path, monkeypatch):
    calls = []

    def fake_call(command, job):
        calls.append(command)
        job.metrics_file.write_text('{"metrics": {"MPJPE": 1.0}, "sequences": []}')
        return True

    monkeypatch.setattr(tool, 'call', fake_call)
    work = tmp_path / 'work'
    write_result(family, 'net', 0, [1.0])
    (work / 'net_seed1').mkdir(parents=True)
    (work / 'net_seed1' / 'iter_5.pth').write_bytes(b'')
    argv = [str(family / 'experiments.yaml'), '--work-dir', str(work)]
    assert tool.main(argv) == 0
    assert len(calls) == 2 and '--resume' in calls[0] and '--resume' not in calls[1]
    assert f'val_evaluator.outfile={work / "net_seed1" / "metrics.json"}' in calls[0]
    result = json.loads((family / 'results' / 'net_seed1.json').read_text())
    assert result['row'] == 'net' and result['seed'] == 1
    assert tool.main(argv) == 0 and len(calls) == 2


def write_responses(job, samples=450):
    """What ``CollapseMonitorHook`` leaves, steps apart by 50."""
    curve = [0.1 + i / 3000 for i in range(samples)]
    content = {
        'steps': [50 * (i + 1) for i in range(samples)],
        **{name: curve for name in ('labelled', 'teacher', 'student')},
        **{name: [None, None, *curve[2:]] for name in ('rho', 'flag')},
        'events': [[75, 'collapse']],
        'validation': [[50 * samples, 1 / 3]],
        'metric': 'mean/AP',
        'interval': 50,
        'rule': {'threshold': 0.6},
    }
    job.work_dir.mkdir(parents=True, exist_ok=True)
    (job.work_dir / 'collapse.json').write_text(json.dumps(content))
    return content


def test_responses_are_kept(tool, tables, family, tmp_path, monkeypatch):
    def fake_call(command, job):
        job.metrics_file.write_text('{"metrics": {"MPJPE": 1.0}, "sequences": []}')
        write_responses(job)
        return True

    monkeypatch.setattr(tool, 'call', fake_call)
    list_file = str(family / 'experiments.yaml')
    argv = [list_file, '--work-dir', str(tmp_path / 'work'), '--only', 'net']
    assert tool.main(argv) == 0
    results = family / 'results'
    file = results / 'responses' / 'net_seed1.json'
    kept = read_responses(file)
    # Every third of 450 samples, counted from the last.
    assert kept.steps.tolist() == list(range(150, 22501, 150))
    assert kept.teacher[:2].tolist() == [0.1007, 0.1017]
    assert kept.validation.values.tolist() == [0.3333]
    content = json.loads(file.read_text())
    assert content['events'] == [[75, 'collapse']] and content['interval'] == 50
    assert 'steps' not in json.loads((results / 'net_seed1.json').read_text())
    assert [run['seed'] for run in tables.load(results, 'net')] == [0, 1]


def test_few_samples_are_all_kept(tool, family, tmp_path):
    job = next(tool.read_jobs(family / 'experiments.yaml', tmp_path / 'work'))
    for samples, kept in ((2, 2), (200, 200), (201, 101), (1, 1)):
        content = write_responses(job, samples)
        thin = tool.thinned_responses(content)
        assert len(thin['steps']) == len(thin['rho']) == kept
        assert thin['steps'][-1] == content['steps'][-1]
    assert tool.thinned_responses(write_responses(job, 4))['rho'][:2] == [None, None]


def test_responses_of_rows_that_are_done(tool, family, tmp_path, monkeypatch, capsys):
    """Only where the work dir is that of the result, and without any training."""
    monkeypatch.setattr(tool, 'call', lambda *_: pytest.fail('trains'))
    results, work = family / 'results', tmp_path / 'work'
    jobs = list(tool.read_jobs(family / 'experiments.yaml', work))
    for job, found in zip(jobs[:2], ([1.0], [2.0]), strict=True):
        write_result(family, 'net', job.seed, [1.0])
        write_responses(job)
        record = json.loads(job.result_file.read_text())
        written = {'metrics': {'MPJPE': found[0], 'P-MPJPE': 1.0}}
        job.metrics_file.write_text(
            json.dumps({**written, 'sequences': record['sequences']})
        )
    before = {file: file.read_bytes() for file in results.glob('*.json')}
    argv = [str(family / 'experiments.yaml'), '--work-dir', str(work)]
    assert tool.main([*argv, '--keep-responses']) == 0
    assert [file.name for file in (results / 'responses').iterdir()] == [
        'net_seed0.json'
    ]
    said = capsys.readouterr().out
    assert 'net_seed1 holds another run' in said and 'ridge seed 0: to do' in said
    assert {file: file.read_bytes() for file in results.glob('*.json')} == before
    jobs[0].responses_file.write_text('{}')
    tool.main([*argv, '--keep-responses'])
    assert jobs[0].responses_file.read_text() == '{}', 'what is kept stays'


def test_kept_responses_belong_to_results():
    for file in REPO.glob('configs/*/results/responses/*.json'):
        assert (file.parents[1] / file.name).is_file()
        assert 0 < len(read_responses(file).steps) <= 200


def test_scores_of_an_interrupted_run_do_not_count(tool, family, tmp_path, monkeypatch):
    """Validation on the way writes the file too."""
    work = tmp_path / 'work'
    stale = work / 'net_seed0' / 'metrics.json'
    stale.parent.mkdir(parents=True)
    stale.write_text('{"metrics": {"MPJPE": 9.0}, "sequences": []}')
    monkeypatch.setattr(tool, 'call', lambda command, job: False)
    argv = [str(family / 'experiments.yaml'), '--work-dir', str(work), '--only', 'net']
    assert tool.main(argv) == 2
    assert not (family / 'results').exists() and not stale.exists()


def test_a_failed_job_is_counted_and_leaves_no_result(
    tool, family, tmp_path, monkeypatch
):
    monkeypatch.setattr(tool, 'call', lambda command, job: False)
    argv = [str(family / 'experiments.yaml'), '--work-dir', str(tmp_path / 'w')]
    assert tool.main(argv) == 3
    assert not (family / 'results').exists()


def test_invalid_lists(tool, tmp_path):
    file = tmp_path / 'experiments.yaml'
    with pytest.raises(FileNotFoundError):
        list(tool.read_jobs(file, tmp_path))
    for row, message in (
        (dict(name='a', config=CONFIG, seed=1), 'unknown'),
        (dict(name='a', config='missing.py'), 'no config'),
    ):
        file.write_text(yaml.safe_dump(dict(rows=[row])))
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            list(tool.read_jobs(file, tmp_path))


def test_table(tables, family):
    write_result(family, 'net', 0, [60.0, 80.0])
    write_result(family, 'net', 1, [62.0, 82.0])
    write_result(family, 'ridge', 0, [100.0, 100.0])
    assert tables.main([str(family), '--check']) == 1
    assert tables.main([str(family)]) == 0
    assert tables.main([str(family), '--check']) == 0
    text = (family / 'README.md').read_text()
    assert text.startswith('# F\n<!-- results: main -->\n| method | MPJPE |')
    assert text.endswith('<!-- /results -->\nend\n')
    net = next(line for line in text.splitlines() if line.startswith('| Net'))
    # Mean 71, standard deviation of 70 and 72; gain 29 %, extremes 19 and 39 %.
    assert '71.0 ± 1.4' in net and '29.0 % [19.0 %, 39.0 %]' in net
    assert '0, 1' in net and '2 min' in net and 'reproduced here' in net


def test_parts_of_a_motion_are_one_cluster(tables, family):
    """Frames outside the image cut a sequence; its parts are not independent."""
    for row, errors in (('net', [60.0, 80.0]), ('ridge', [100.0, 100.0])):
        write_result(family, row, 0, errors)
        file = family / 'results' / f'{row}_seed0.json'
        result = json.loads(file.read_text())
        for part, start in zip(result['sequences'], (0, 550), strict=True):
            part['name'] = f'walk_cam_from_{start}'
        file.write_text(json.dumps(result))
    runs, reference = (tables.load(family / 'results', n) for n in ('net', 'ridge'))
    gain = tables.gain_over(runs, reference)
    assert gain.low == gain.value == gain.high == pytest.approx(0.3)


def test_share_of_the_gap(tables, family):
    content = yaml.safe_load((family / 'experiments.yaml').read_text())
    table = content['tables']['main']
    table['rows']['best'] = 'Best'
    table['best'] = 'best'
    (family / 'experiments.yaml').write_text(yaml.safe_dump(content))
    write_result(family, 'net', 0, [60.0, 80.0])
    write_result(family, 'ridge', 0, [100.0, 100.0])
    assert tables.main([str(family)]) == 0
    lines = (family / 'README.md').read_text().splitlines()
    net = next(line for line in lines if line.startswith('| Net'))
    assert net.startswith('| Net | 70.0 |  |'), 'no bound yet'
    write_result(family, 'best', 0, [50.0, 50.0])
    assert tables.main([str(family)]) == 0
    text = (family / 'README.md').read_text()
    assert '| gap closed |' in text
    # 30 of the 50 between the reference and the best; 20 to 40 of them.
    net = next(line for line in text.splitlines() if line.startswith('| Net'))
    assert '60.0 % [40.0 %, 80.0 %]' in net


def test_metafile(tables, family):
    model = dict(
        Name='net', Config=CONFIG, Metadata={'Training Data': 'D'}, Results=['old']
    )
    content = yaml.safe_load((family / 'experiments.yaml').read_text())
    content['rows'][0].pop('options')
    content['rows'].append(dict(name='noisy', config=CONFIG, options=tables.NOISY))
    content['rows'].append(dict(name='other', config=CONFIG, options={'a': 1}))
    (family / 'experiments.yaml').write_text(yaml.safe_dump(content))
    (family / 'metafile.yml').write_text(yaml.safe_dump(dict(Models=[model])))
    for row, seed, errors in (
        ('net', 0, [60.0, 80.0]),
        ('net', 1, [62.0, 82.0]),
        ('noisy', 0, [90.0, 90.0]),
        ('other', 0, [1.0, 1.0]),
        ('ridge', 0, [99.0, 99.0]),
    ):
        write_result(family, row, seed, errors)
    assert tables.main([str(family), '--check']) == 1
    tables.main([str(family)])
    found = yaml.safe_load((family / 'metafile.yml').read_text())['Models'][0]
    task = '3D Human Pose Lifting'
    assert [
        (r['Task'], r['Dataset'], r['Metrics']['MPJPE']) for r in found['Results']
    ] == [
        (task, 'D', 71.0),
        (task, 'D, noisy 2D', 90.0),
    ]
    assert tables.main([str(family), '--check']) == 0


def test_a_row_without_results_says_so(tables, family):
    assert 'not yet' in tables.render((family / 'README.md').read_text(), family)


def test_readme_of_each_family_agrees_with_its_results(tables):
    for file in REPO.glob('configs/*/experiments.yaml'):
        assert tables.main([str(file.parent), '--check']) == 0
