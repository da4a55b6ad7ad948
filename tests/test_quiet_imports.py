import warnings

from mmpose_ext.quiet_imports import quiet_imports

LINE = 'Could not import OneDL. Skipping OneDL datasets.'


def test_values(capsys):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        with quiet_imports():
            print('before')
            print(LINE)
            print('\nafter', end='')
            print()
            warnings.warn('faster_coco_eval is not installed, metrics', stacklevel=1)
            warnings.warn('something else', stacklevel=1)
        print(LINE)
        warnings.warn('faster_coco_eval is not installed, metrics', stacklevel=1)
    assert capsys.readouterr().out == f'before\n\nafter\n{LINE}\n'
    assert [str(entry.message) for entry in caught] == ['something else']
