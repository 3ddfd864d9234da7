"""Small pictures with captions, made by rules: what an image model of this lab is trained on, and how it is judged.

`drawing` draws a scene of one or two shapes, `captions` describes it in a few words, `recognition` finds the shapes
in any picture, and `adherence` says whether a picture shows what a caption asks for.
"""
