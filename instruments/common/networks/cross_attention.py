"""Cross-attention: the places of an image look at the words of a caption (Rombach et al. 2022, section 3.3)."""

import numpy as np

from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Weights
from diffusion_lab.instruments.common.networks.attention import attention_backward, attention_forward
from diffusion_lab.instruments.common.networks.dense import linear_backward, linear_forward


def cross_attention_forward(x: Array, words: Array, weights: Weights, heads: int) -> tuple[Array, Cache]:
    """Attention of x (N, n, d) to `words` (N, m, e) in `heads` parts of d/heads, side by side again: (N, n, d).

    Weights: query (d, d), query_bias (d,); key_value (e, 2 d), key_value_bias (2 d,), which give key and then value.
    No projection follows. `attention_map` reads from the cache which word each place looks at.
    """
    w = weights
    asked, of_query = linear_forward(x, w["query"], w["query_bias"])
    both, of_words = linear_forward(words, w["key_value"], w["key_value_bias"])
    key, value = both[..., : x.shape[-1]], both[..., x.shape[-1] :]
    seen, looked = attention_forward(*(_split(part, heads) for part in (asked, key, value)))
    return _joined(seen), (of_query, of_words, looked, heads)


def cross_attention_backward(dy: Array, cache: Cache) -> tuple[tuple[Array, Array], Weights]:
    """Gradients in (x, words), and in all weights by name."""
    of_query, of_words, looked, heads = cache
    dquery, dkey, dvalue = (_joined(part) for part in attention_backward(_split(dy, heads), looked))
    dx, query = linear_backward(dquery, of_query)
    dwords, key_value = linear_backward(_beside(dkey, dvalue), of_words)
    return (dx, dwords), {
        "query": query["weight"], "query_bias": query["bias"],
        "key_value": key_value["weight"], "key_value_bias": key_value["bias"],
    }  # fmt: skip


def attention_map(cache: Cache) -> Array:
    """The share of its attention that each place gives to each word, the mean of all heads: (N, n, m)."""
    _, _, (_, _, _, share), _ = cache
    return share.mean(axis=1)


def _split(x: Array, heads: int) -> Array:
    """(N, n, d) as (N, heads, n, d / heads)."""
    return np.ascontiguousarray(x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3))


def _joined(x: Array) -> Array:
    """The inverse of `_split`."""
    n, heads, places, width = x.shape
    return x.transpose(0, 2, 1, 3).reshape(n, places, heads * width)


def _beside(a: Array, b: Array) -> Array:
    return np.concatenate([a, b], axis=-1)
