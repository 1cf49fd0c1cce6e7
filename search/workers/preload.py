"""What the server of trial processes loads once, before they are forked from it."""

from search.system.keras_backend import loading_keras

with loading_keras():
    import search.models.layers
    import search.models.text_layer
    import search.training.trial  # noqa: F401
