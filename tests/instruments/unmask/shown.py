"""What masked diffusion shows, for the tests beside this file."""

import numpy as np


def everything(unmask):
    """The answer with all layers, whether or not they have changed."""
    unmask.forget_answers()
    return unmask.answer()


def column(unmask, layer, name):
    return list(everything(unmask).layers[layer][name])


def same(one, other):
    """Whether two answers show one picture, in one state."""
    assert one.layers.keys() == other.layers.keys()
    for layer, columns in one.layers.items():
        for name, values in columns.items():
            np.testing.assert_array_equal(values, other.layers[layer][name], err_msg=layer)
    assert (one.texts, one.description, one.ranges) == (other.texts, other.description, other.ranges)
