"""Sheets of pictures that protocols return, by name: what their rows and columns show."""

from __future__ import annotations

SHEETS: dict[str, str] = {  # name of the array in samples.npz → caption of the figure
    "walk": "straight walks between random latent points, each line from where the one above ends; the last two lines "
    "are cross-fades of training images",
    "arithmetic": "a line is one sum: exemplars that are thick and slanted, less thick and upright ones, plus thin and "
    "upright ones, which is to be thin and slanted; then the sum of their mean latents, the same twice with noise, the "
    "sum of single latents, the sum of mean pixels",
    "turn": "a line is a random sample with growing shares of a turn vector, from left-slanted to right-slanted ones, "
    "added to its latent; the last two lines have a random direction of the same length in its place",
    "filters": "a line is a filter of the discriminator's last convolution: the four held-out images that excite it "
    "most and their guided gradients (grey is zero), then the same of the untrained network",
    "forgetting": "samples with the planted object; the same noise without the second-highest maps that mark it; the "
    "same without as many random maps",
    "conditional": "samples of a conditional generator: a line is the class that it was told",
    "components": "samples by the component that they are drawn from: a line is one component, of ten at most",
}
