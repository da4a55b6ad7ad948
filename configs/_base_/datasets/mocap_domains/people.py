# People of the CMU motion capture in the experiments on a change of domain, apart by
# person. Of mocap_split.py's train_subjects every second one in the order of the list,
# from the first on, belongs to the source, with all `x_*` clips (their people are
# unknown); the others are those whose 2D the target domain may adapt to. Scored are
# mocap_split.py's test_subjects, which nobody trains on, in the target domain only.
source_subjects = [
    *('03', '06', '09', '12', '14', '27', '32', '39', '45', '47', '113', '133'),
    *('x_backflip', 'x_charleston', 'x_lambada', 'x_pirouette', 'x_walk', 'x_zombie'),
]
target_subjects = [
    *('05', '07', '11', '13', '26', '29', '35', '43', '46', '55', '114', '143'),
]
test_subjects = ['01', '02', '08', '10', '16', '38', '49', '136', '141', '144']
