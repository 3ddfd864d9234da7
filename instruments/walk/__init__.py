"""Image walk: pictures come out of noise by words, with every part of the text-to-image model open."""
