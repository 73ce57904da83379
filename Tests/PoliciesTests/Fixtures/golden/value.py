"""The value function, and its co-training on captions of images."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from .layers import linear, transform, visibility
from .observation import encode_observation, encode_patches
from .settings import PAD, Inputs, Parameters, Value
from .training import prediction_loss


def value_logits(parameters: Parameters, value: Value, inputs: Inputs) -> Tensor:
    """Logits [batch, bins]: the observation, then the value token, all seeing each other."""
    tokens, used = encode_observation(parameters, value.observation, inputs)
    batch = tokens.shape[0]
    tokens = torch.cat([tokens, parameters["value_token"].expand(batch, 1, -1)], dim=1)
    used = torch.cat([used, torch.ones(batch, 1, dtype=torch.bool)], dim=1)
    places = tokens.shape[1]
    visible = visibility(used, places)
    states, _ = transform(
        parameters, "network", tokens, torch.arange(places), visible, value.network
    )
    return linear(parameters, "head", states[:, -1])


def value_loss(parameters: Parameters, value: Value, inputs: Inputs) -> Tensor:
    """The mean of −log p of the returns' bins."""
    return functional.cross_entropy(value_logits(parameters, value, inputs), inputs["bins"])


def caption_logits(parameters: Parameters, value: Value, inputs: Inputs) -> Tensor:
    """Logits [batch, caption slot, text vocabulary] of image–text pairs: patches, then the caption."""
    patches = encode_patches(parameters, value.observation.cameras, inputs["caption_patches"])
    caption = inputs["caption_tokens"]
    tokens = torch.cat([patches, parameters["encoder.text"][caption]], dim=1)
    batch, observed, _ = patches.shape
    used = torch.cat([torch.ones(batch, observed, dtype=torch.bool), caption != PAD], dim=1)
    places = tokens.shape[1]
    visible = visibility(used, observed)
    states, _ = transform(
        parameters, "network", tokens, torch.arange(places), visible, value.network
    )
    return states[:, observed:] @ parameters["caption_head.weight"]


def caption_loss(parameters: Parameters, value: Value, inputs: Inputs) -> Tensor:
    """The mean of −log p over the captions' tokens."""
    return prediction_loss(caption_logits(parameters, value, inputs), inputs["caption_targets"])
