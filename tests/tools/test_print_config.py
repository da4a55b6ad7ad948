import pytest


@pytest.mark.parametrize('flag', ['--cfg-options', '--options'])
def test_values(load_tool, tiny_config_file, capsys, flag):
    tool = load_tool('analysis_tools/print_config')
    tool.main([tiny_config_file, flag, 'model.backbone.depth=5'])
    text = capsys.readouterr().out
    assert 'Config:\n' in text
    assert 'depth=5' in text and "default_scope = 'mmpose'" in text
