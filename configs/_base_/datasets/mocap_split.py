# People of the CMU motion capture, held out by person, not by clip. Every experiment on
# this data uses this split. The person of the `x_*` clips is unknown: training only.
train_subjects = [
    *('03', '05', '06', '07', '09', '11', '12', '13', '14', '26', '27', '29', '32'),
    *('35', '39', '43', '45', '46', '47', '55', '113', '114', '133', '143'),
    *('x_backflip', 'x_charleston', 'x_lambada', 'x_pirouette', 'x_walk', 'x_zombie'),
]
test_subjects = ['01', '02', '08', '10', '16', '38', '49', '136', '141', '144']
