"""SMPL's official files become plain arrays without chumpy."""

import pickle
import sys

import numpy as np
import public_formats
import pw3d_format as formats
import pytest

from mmpose_ext.datasets.restricted_unpickler import load_pickle
from mmpose_ext.datasets.smpl_files import (
    find_smpl_model,
    load_h36m_regressor,
    load_smpl_model,
    to_array,
)
from mmpose_ext.geometry import H36M17, SMPL24

FIELDS = {
    'template': 'v_template',
    'shape_basis': 'shapedirs',
    'pose_basis': 'posedirs',
    'joint_regressor': 'J_regressor',
    'weights': 'weights',
}


def arrays(**changes):
    plain = formats.smpl_arrays()
    rng = np.random.default_rng(0)
    plain['posedirs'] = rng.normal(size=plain['posedirs'].shape)
    plain['shapedirs'] = rng.normal(size=plain['shapedirs'].shape)
    return {**plain, **changes}


def assert_model(model, expected):
    for field, key in FIELDS.items():
        np.testing.assert_array_equal(getattr(model, field), expected[key])
    assert model.parents == SMPL24.parents


class TestValues:
    @pytest.mark.parametrize('protocol', [0, 1, 2])
    def test_official_pickle(self, tmp_path, protocol):
        file = tmp_path / 'SMPL_MALE.pkl'
        formats.write_smpl_pickle(file, arrays(), protocol=protocol)
        content = file.read_bytes()
        assert b'chumpy.ch\nCh' in content and b'scipy.sparse.csc' in content
        assert (b'copy_reg\n_reconstructor' in content) == (protocol < 2)
        assert_model(load_smpl_model(file), arrays())
        assert 'chumpy' not in sys.modules

    def test_plain_pickle(self, tmp_path):
        file = public_formats.write_pickle(tmp_path / 'SMPL_MALE.pkl', arrays())
        assert_model(load_smpl_model(file), arrays())

    @pytest.mark.parametrize('sparse', [False, True])
    def test_npz(self, tmp_path, sparse):
        content = arrays()
        if sparse:
            from scipy.sparse import csc_matrix

            content['J_regressor'] = csc_matrix(content['J_regressor'])
        np.savez(tmp_path / 'SMPL_MALE.npz', **content)
        assert_model(load_smpl_model(tmp_path / 'SMPL_MALE.npz'), arrays())

    @pytest.mark.parametrize('kind', ['csc_matrix', 'csr_matrix'])
    def test_sparse_of_todays_scipy(self, tmp_path, kind):
        import scipy.sparse

        dense = formats.smpl_arrays()['J_regressor'] * np.arange(54)
        file = tmp_path / 'matrix.pkl'
        file.write_bytes(pickle.dumps(getattr(scipy.sparse, kind)(dense)))
        matrix = load_pickle(file, foreign=('scipy.sparse',))
        np.testing.assert_array_equal(to_array(matrix, 'here'), dense)


@pytest.mark.parametrize(
    ('gender', 'name'),
    [
        ('m', 'SMPL_MALE.pkl'),
        ('m', 'basicModel_m_lbs_10_207_0_v1.0.0.pkl'),
        ('f', 'basicmodel_f_lbs_10_207_0_v1.1.0.pkl'),
        ('f', 'smpl_female.npz'),
        ('n', 'basicModel_neutral_lbs_10_207_0_v1.0.0.pkl'),
    ],
)
def test_find(tmp_path, gender, name):
    (tmp_path / 'SMPL_MALE.txt').touch()
    (tmp_path / name).touch()
    assert find_smpl_model(tmp_path, gender) == tmp_path / name
    other = {'m': 'f', 'f': 'm', 'n': 'm'}[gender]
    with pytest.raises(FileNotFoundError, match='smpl.is.tue.mpg.de'):
        find_smpl_model(tmp_path, other)


class TestRegressor:
    def model(self, tmp_path):
        return load_smpl_model(formats.write_smpl(tmp_path) / 'SMPL_MALE.pkl')

    @pytest.mark.parametrize('legs_swapped', [False, True])
    @pytest.mark.parametrize('arms_swapped', [False, True])
    def test_sides_come_from_the_body(self, tmp_path, legs_swapped, arms_swapped):
        model = self.model(tmp_path)
        published = formats.h36m_regressor()
        rows = np.arange(17)
        if legs_swapped:
            rows[1:7] = [4, 5, 6, 1, 2, 3]
        if arms_swapped:
            rows[11:] = [14, 15, 16, 11, 12, 13]
        np.save(tmp_path / 'regressor.npy', published[rows])
        regressor = load_h36m_regressor(tmp_path / 'regressor.npy', model)
        x = (regressor @ model.template)[:, 0]
        for joint, side in enumerate(H36M17.sides):
            assert (
                np.sign(x[joint].round(9))
                == {'left': 1, 'right': -1, 'centre': 0}[side]
            )
        # and the rest of each limb stays in order, from hip and shoulder outwards
        y = (regressor @ model.template)[:, 1]
        assert y[1] > y[2] > y[3] and y[4] > y[5] > y[6]
        assert x[11] < x[12] < x[13] and x[14] > x[15] > x[16]

    def test_invalid(self, tmp_path):
        model = self.model(tmp_path)
        with pytest.raises(FileNotFoundError, match='nothing.npy'):
            load_h36m_regressor(tmp_path / 'nothing.npy', model)
        np.save(tmp_path / 'wide.npy', np.ones((17, 6890)))
        with pytest.raises(ValueError, match=r'\(17, 6890\), expected \(17, 54\)'):
            load_h36m_regressor(tmp_path / 'wide.npy', model)
        mixed = formats.h36m_regressor()
        mixed[[1, 4]] = mixed[[4, 1]]  # one hip on the wrong side
        np.save(tmp_path / 'mixed.npy', mixed)
        with pytest.raises(ValueError, match='not limbs of opposite sides'):
            load_h36m_regressor(tmp_path / 'mixed.npy', model)
        (tmp_path / 'page.npy').write_text('<html>')
        with pytest.raises(ValueError, match='page.npy is not a plain .npy'):
            load_h36m_regressor(tmp_path / 'page.npy', model)


class TestInvalid:
    def write(self, tmp_path, **changes):
        return formats.write_smpl_pickle(tmp_path / 'SMPL_MALE.pkl', arrays(**changes))

    def test_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match='SMPL_MALE.pkl'):
            load_smpl_model(tmp_path / 'SMPL_MALE.pkl')

    def test_missing_key(self, tmp_path):
        content = arrays()
        del content['posedirs']
        file = public_formats.write_pickle(tmp_path / 'SMPL_MALE.pkl', content)
        with pytest.raises(ValueError, match=r"not an SMPL model: no \['posedirs'\]"):
            load_smpl_model(file)

    def test_other_content(self, tmp_path):
        file = public_formats.write_pickle(tmp_path / 'SMPL_MALE.pkl', [1, 2])
        with pytest.raises(ValueError, match='not an SMPL model'):
            load_smpl_model(file)

    def test_shape(self, tmp_path):
        file = self.write(tmp_path, posedirs=np.zeros((54, 3, 9)))
        with pytest.raises(ValueError, match=r'SMPL_MALE.pkl: pose_basis has shape'):
            load_smpl_model(file)

    def test_another_tree(self, tmp_path):
        tree = np.array([[2**32 - 1, 0, 1], [0, 1, 2]], dtype=np.uint32)
        file = self.write(tmp_path, kintree_table=tree)
        with pytest.raises(ValueError, match=r'tree of 3 joints .* SMPL\+H'):
            load_smpl_model(file)

    def test_expression_that_is_not_read(self, tmp_path):
        product = formats.imitate('chumpy.ch_ops', 'multiply', a=np.eye(2), b=2.0)
        file = self.write(tmp_path, posedirs=product)
        with pytest.raises(ValueError, match='posedirs .*chumpy.ch_ops.multiply'):
            load_smpl_model(file)

    def test_damaged_sparse_matrix(self, tmp_path):
        matrix = formats.sparse(np.eye(24, 54))
        matrix.indices[3] = 10**6
        file = self.write(tmp_path, posedirs=matrix)
        with pytest.raises(ValueError, match='posedirs cannot be read as an array'):
            load_smpl_model(file)

    def test_state_that_is_missing(self, tmp_path):
        file = self.write(tmp_path, posedirs=formats.imitate('chumpy.ch', 'Ch'))
        with pytest.raises(ValueError, match='posedirs cannot be read'):
            load_smpl_model(file)

    @pytest.mark.parametrize('inside', [False, True])
    def test_malicious(self, tmp_path, inside):
        trap = tmp_path / 'trap'
        bad = public_formats.Malicious(f'touch {trap}')
        value = formats.imitate('chumpy.ch', 'Ch', x=bad) if inside else bad
        file = self.write(tmp_path, posedirs=value)
        with pytest.raises(ValueError, match=r'(posix|nt|os)\.system'):
            load_smpl_model(file)
        assert not trap.exists()
