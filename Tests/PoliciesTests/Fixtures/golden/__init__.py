"""The policy and the value function of Documentation/Model.md in PyTorch: a second, independent implementation.

It was written from that page alone and favours the page's notation over speed. Its only purpose is to make golden
values for the Swift tests. To learn the method, read the modules in this order:

    settings      sizes of the models, under the page's letters, and the tokens that mean something by themselves
    parameters    names and shapes of all parameters, and random values for them
    layers        what all the transformers are made of
    observation   images, task text and states as tokens
    policy        the backbone, the action expert and their losses
    sampling      subtask and action chunk from an observation
    value         the value function and its co-training on captions
    training      the loss of predicted tokens, gradients, clipping and AdamW

and then what is done with them:

    inputs        the two policies and the value function of the fixtures, and a batch for each
    fixtures      everything the Swift tests compare, and the files it is written to
    checks        tests of this package itself
    precision     how far 32-bit arithmetic strays from the fixtures

Parameters and inputs are 32-bit floats exactly; everything is then computed with 64-bit floats and rounded once, when
it is written, so that what a test measures is the error of the implementation under test alone.
"""
