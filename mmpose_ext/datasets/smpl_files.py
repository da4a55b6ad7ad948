"""Read the official SMPL files without the packages that they were pickled with.

The pickles hold objects of chumpy, which cannot be installed any more, and sparse
matrices of an old SciPy. Both come inert from the restricted unpickler; here they
become plain arrays. SMPL is licensed for research, https://smpl.is.tue.mpg.de: nobody
may pass the files on, so every user brings their own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from mmpose_ext.datasets.restricted_unpickler import (
    ForeignObject,
    load_npz,
    load_pickle,
)
from mmpose_ext.geometry import H36M17, SMPL24, SmplModel

FOREIGN = ('chumpy', 'scipy.sparse')
REQUIRED = (
    *('v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights'),
    'kintree_table',
)
GENDERS = {'m': 'male', 'f': 'female', 'n': 'neutral'}
REGRESSORS = ('J_regressor_h36m.npy', 'J_regressor_h36m_correct.npy')
LEGS = tuple(range(1, 7)), (4, 5, 6, 1, 2, 3)
ARMS = tuple(range(11, 17)), (14, 15, 16, 11, 12, 13)


def find_smpl_model(folder: str | os.PathLike, gender: str) -> Path:
    """The file of a gender, by the names that are in use.

    Args:
        folder: Where the files are.
        gender: ``'m'``, ``'f'`` or ``'n'``.

    Returns:
        The first of ``SMPL_MALE.pkl``, ``SMPL_MALE.npz``,
        ``basicModel_m_lbs_10_207_0_v1.0.0.pkl`` and alike, in upper or lower case.

    Raises:
        FileNotFoundError: If there is none.
    """
    name = GENDERS[gender]
    pattern = re.compile(
        rf'(smpl_{name}|basicmodel_({gender}|{name})_lbs_.*)\.(pkl|npz)', re.IGNORECASE
    )
    for file in sorted(Path(folder).glob('*')):
        if pattern.fullmatch(file.name):
            return file
    raise FileNotFoundError(
        f'{folder} has no {name} SMPL model; put it there as SMPL_{name.upper()}.pkl '
        '(from https://smpl.is.tue.mpg.de, neutral: https://smplify.is.tue.mpg.de)'
    )


def load_smpl_model(path: str | os.PathLike) -> SmplModel:
    """Read a body model.

    Args:
        path: An official ``.pkl`` (Python 2 with chumpy objects, or cleaned), or an
            ``.npz`` with the same keys.

    Returns:
        Its arrays in double precision.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it lacks a key, shapes do not fit, or it holds objects that are
            not read.
    """
    file = Path(path)
    load: Callable[..., Any] = load_npz if file.suffix == '.npz' else load_pickle
    data = load(file, foreign=FOREIGN)
    found = sorted(data) if isinstance(data, Mapping) else type(data).__name__
    missing = [key for key in REQUIRED if key not in found]
    if missing:
        raise ValueError(f'{file} is not an SMPL model: no {missing} in {found}')
    arrays = {key: to_array(data[key], f'{file}: {key}') for key in REQUIRED}
    tree = arrays.pop('kintree_table')
    # The root's own parent is stored as -1 in an unsigned type.
    parents = (-1, *tree[:1, 1:].ravel().astype(int).tolist())
    if parents != SMPL24.parents:
        raise ValueError(
            f'{file} has a tree of {len(parents)} joints that is not that of SMPL, '
            'which has 24; SMPL+H and SMPL-X models do not fit'
        )
    try:
        return SmplModel(
            template=arrays['v_template'],
            shape_basis=arrays['shapedirs'],
            pose_basis=arrays['posedirs'],
            joint_regressor=arrays['J_regressor'],
            weights=arrays['weights'],
            parents=parents,
        )
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from error


def load_h36m_regressor(path: str | os.PathLike, model: SmplModel) -> np.ndarray:
    """Read the regressor of Human3.6M's joints and bring it into our order.

    The published file (SPIN's ``J_regressor_h36m.npy``) lists the left leg before the
    right one, copies of it may not. The sides are therefore taken from the body: its
    left is at +x. Arms are checked in the same way.

    Args:
        path: ``.npy`` file of shape ``(17, V)``.
        model: The body that it is for.

    Returns:
        Weights ``(17, V)``; rows in the order of Human3.6M-17.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the shape does not fit, or left and right cannot be told apart.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'there is no file {file}; check the path')
    try:
        regressor = np.load(file, allow_pickle=False).astype(np.float64)
    except (ValueError, EOFError) as error:
        raise ValueError(f'{file} is not a plain .npy array ({error})') from error
    expected = (H36M17.num_joints, len(model.template))
    if regressor.shape != expected:
        raise ValueError(
            f'{file} has shape {regressor.shape}, expected {expected} for this model'
        )
    order = np.arange(len(regressor))
    side = (regressor @ model.template)[:, 0]
    for ours, swapped in (LEGS, ARMS):
        left = [j for j in ours if H36M17.sides[j] == 'left']
        right = [j for j in ours if H36M17.sides[j] == 'right']
        if (side[left] < side[right]).all():
            order[list(ours)] = swapped
        elif not (side[left] > side[right]).all():
            raise ValueError(
                f'{file}: rows {left} and {right} are not limbs of opposite sides of '
                'the body; expected the joints of Human3.6M'
            )
    return regressor[order]


def to_array(value: Any, where: str) -> np.ndarray:
    """A plain array from what an SMPL file may hold in its place.

    Args:
        value: An array, a sparse matrix, or chumpy's constant or selection.
        where: Named in errors.

    Returns:
        The array in double precision.

    Raises:
        ValueError: If it is something else or damaged.
    """
    try:
        if isinstance(value, np.ndarray) and value.dtype == object and not value.ndim:
            value = value.item()
        if isinstance(value, ForeignObject):
            value = _evaluate(value)
        return np.asarray(value, dtype=np.float64)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f'{where} cannot be read as an array ({type(error).__name__}: {error})'
        ) from error


def _evaluate(stand_in: ForeignObject) -> np.ndarray:
    kind, state = stand_in.kind.rpartition('.')[2], stand_in.state
    if kind == 'Ch':
        return state['x']
    if kind == 'Select':  # chumpy.reordering: some entries of another constant
        source = state['a']
        if isinstance(source, ForeignObject):
            source = source.state['x']
        return np.ravel(source)[state['idxs']].reshape(state['preferred_shape'])
    if kind in ('csc_matrix', 'csr_matrix'):
        layout = csc_matrix if kind == 'csc_matrix' else csr_matrix
        parts = (state['data'], state['indices'], state['indptr'])
        matrix = layout(parts, shape=state['_shape'])
        matrix.check_format(full_check=True)
        return matrix.toarray()
    raise ValueError(f'an object of {stand_in.kind} is not read here')
