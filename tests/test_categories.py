"""Names of categories: kept, read back, and found."""
import pytest

from tgan_chainer.categories import find_categories, read_categories, write_categories
from tgan_chainer.errors import ConfigError, SnapshotError

NAMES = ['ApplyEyeMakeup', 'JugglingBalls', 'JumpRope', 'JumpingJack', 'PlayingSitar', 'Überflug']


def test_names_come_back_in_their_order(tmp_path):
    write_categories(tmp_path, NAMES)
    assert read_categories(tmp_path, 6) == NAMES


@pytest.mark.parametrize('content, message', [
    (None, 'no such file'),
    ('[', 'cannot be read'),
    pytest.param('[' * 100_000, 'cannot be read', id='nested'),
    ('\udcff', 'cannot be read'),
    ('{"a": 1}', 'expected a JSON list of names'),
    ('[1, 2, 3]', 'expected a JSON list of names'),
    ('["a", "b"]', 'found 2 names, but the networks know 3 categories'),
])
def test_what_is_no_list_of_names(tmp_path, content, message):
    if content is not None:
        (tmp_path / 'categories.json').write_bytes(content.encode(errors='surrogateescape'))
    with pytest.raises(SnapshotError, match=f'categories.json: .*{message}'):
        read_categories(tmp_path, 3)


@pytest.mark.parametrize('wanted, labels', [
    (['JumpRope', 'ApplyEyeMakeup'], [2, 0]),
    (['JumpRope', 'JumpRope'], [2]),
    (['all'], [0, 1, 2, 3, 4, 5]),
    (['JumpRope', 'all'], [2, 0, 1, 3, 4, 5]),
])
def test_labels_of_names(wanted, labels):
    assert find_categories(wanted, NAMES) == labels


def test_a_category_may_be_called_all():
    assert find_categories(['all'], ['one', 'all']) == [1]


@pytest.mark.parametrize('name, message', [
    ('juggling', "no category 'juggling'; did you mean JugglingBalls, "),
    ('Jumping', 'did you mean JumpingJack, JumpRope'),
    ('sitar', 'did you mean PlayingSitar'),
    ('xyz', 'none of the 6 is like it: ApplyEyeMakeup, JugglingBalls'),
])
def test_an_unknown_name_lists_those_like_it(name, message):
    with pytest.raises(ConfigError, match=message):
        find_categories(['JumpRope', name], NAMES)
