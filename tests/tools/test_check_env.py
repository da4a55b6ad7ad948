"""Advice on made-up environments."""

import pytest


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('check_env')


@pytest.fixture
def facts(tool):
    """A function that gives the facts of a sound environment, changed."""
    sound = dict(
        torch='2.11.0+cu130',
        torchvision='0.26.0',
        numpy='2.3.5',
        matplotlib='3.9.4',
        xtcocotools='1.14.3',
        mmpose='1.3.2',
    )

    def make(python=(3, 11, 7), mmcv_ops=True, parts_error='', **changes):
        names = {**tool.REQUIRED, **tool.OPTIONAL}
        packages = {
            name: tool.Package({distributions[0]: sound.get(name, '1.0')})
            for name, distributions in names.items()
        }
        packages.update(changes)
        return dict(
            python=python,
            packages=packages,
            mmcv_ops=mmcv_ops,
            parts_error=parts_error,
            devices=['cpu, 2 cores'],
        )

    return make


def upstream(tool, torch='2.5.1', mmcv='2.1.0'):
    return dict(
        torch=tool.Package({'torch': torch}),
        mmengine=tool.Package({'mmengine': '0.10.7'}),
        mmcv=tool.Package({'mmcv': mmcv}),
        mmdet=tool.Package({'mmdet': '3.3.0'}),
    )


def broken(tool, distribution, version, error):
    return tool.Package({distribution: version}, error, imported=False)


def test_sound_environments(tool, facts):
    assert tool.advise(facts()) == []
    assert tool.advise(facts(**upstream(tool))) == []
    assert tool.advise(facts(**upstream(tool, mmcv='2.2.0'))) == []


def test_versions_that_work_in_part(tool, facts):
    advice = tool.advise(
        facts(
            numpy=tool.Package({'numpy': '2.4.0'}),
            matplotlib=tool.Package({'matplotlib': '3.10.1'}),
            torch=tool.Package({'torch': '2.14.0'}),
            pkg_resources=broken(tool, 'setuptools', '84.0', 'No module'),
        )
    )
    assert not any(entry.fatal for entry in advice)
    text = ' '.join(entry.text for entry in advice)
    for expected in ('numpy<2.4', 'matplotlib<3.10', '2.14', 'setuptools<82'):
        assert expected in text
    assert len(advice) == 4


def test_upstream_mmengine_with_new_torch(tool, facts):
    (entry,) = tool.advise(facts(**upstream(tool, torch='2.6.0')))
    assert not entry.fatal and 'onedl-mmengine' in entry.text


@pytest.mark.parametrize(
    ('name', 'error', 'expected'),
    [
        (
            'xtcocotools',
            'ValueError: numpy.dtype size changed, may indicate binary incompat.',
            '--no-binary xtcocotools',
        ),
        (
            'mmdet',
            'AssertionError: MMCV==2.2.0 is used but incompatible. Please install',
            'Tested together',
        ),
        (
            'torchvision',
            'RuntimeError: operator torchvision::nms does not exist',
            'same index',
        ),
        (
            'mmcv',
            "ModuleNotFoundError: No module named 'pkg_resources'",
            'setuptools<82',
        ),
        ('mmpose', "ImportError: cannot import 'bool' (chumpy)", 'uninstall chumpy'),
        ('scipy', 'ImportError: libgfortran', 'reinstall'),
        ('mmpose', 'SyntaxError: invalid', 'mmpose cannot be imported'),
    ],
)
def test_broken_packages(tool, facts, name, error, expected):
    changes = {name: broken(tool, tool.REQUIRED[name][0], '1.0', error)}
    fatal = [entry for entry in tool.advise(facts(**changes)) if entry.fatal]
    assert len(fatal) == 1
    assert expected in fatal[0].text


def test_missing_packages(tool, facts):
    absent = tool.Package({}, 'ModuleNotFoundError', imported=False)
    advice = tool.advise(facts(mmpose=absent, six=absent, einops=absent))
    assert all(entry.fatal for entry in advice) and len(advice) == 3
    text = ' '.join(entry.text for entry in advice)
    assert '--no-deps mmpose' in text and 'pip install six' in text
    # Optional ones may be absent.
    assert tool.advise(facts(peft=absent)) == []


def test_operators(tool, facts):
    (entry,) = tool.advise(facts(mmcv_ops=False, parts_error='no _ext'))
    assert entry.fatal and 'onedl-mmcv' in entry.text
    (entry,) = tool.advise(facts(mmcv_ops=False, **upstream(tool)))
    assert entry.fatal and 'mim install' in entry.text


def test_two_distributions_of_one_package(tool, facts):
    both = tool.Package({'onedl-mmcv': '2.3.6', 'mmcv': '2.1.0'})
    (entry,) = tool.advise(facts(mmcv=both))
    assert entry.fatal and 'pip uninstall onedl-mmcv mmcv' in entry.text


def test_other_faults(tool, facts):
    (entry,) = tool.advise(facts(python=(3, 13, 0)))
    assert entry.fatal and '3.13' in entry.text
    (entry,) = tool.advise(facts(parts_error='ImportError: six'))
    assert entry.fatal and 'six' in entry.text


def test_report_and_exit_code(tool, facts, monkeypatch, capsys):
    monkeypatch.setattr(tool, 'gather', facts)
    assert tool.main() == 0
    assert 'Ready.' in capsys.readouterr().out
    absent = tool.Package({}, 'ModuleNotFoundError', imported=False)
    monkeypatch.setattr(tool, 'gather', lambda: facts(mmcv_ops=False, peft=absent))
    assert tool.main() == 1
    text = capsys.readouterr().out
    assert 'cannot be used yet' in text and 'ERROR: mmcv' in text
    assert 'not installed (optional)' in text


def test_this_environment(tool):
    found = tool.gather()
    assert found['packages']['torch'].imported
    assert found['python'][0] == 3
    assert tool._try_import('no_such_module_at_all').startswith('ModuleNotFoundError')


def test_versions(tool):
    assert tool.parse_version('2.6.0+cu124') == (2, 6, 0)
    assert tool.parse_version('0.10.0rc1') == (0, 10, 0)
    assert tool.parse_version('unknown') == ()
