# SPDX-License-Identifier: Apache-2.0
"""The small models of the vectors and of the loss curves, as transformers, torchvision and torch make them, and one way to
ask each of them: logits(model, input) takes the files' "input" (token ids with -1 after a sequence's end, or pixels)."""
import torch
import torchvision
import transformers
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock
from transformers.models.llama import modeling_llama

VOCABULARY, POSITIONS, SENTENCE_CLASSES, IMAGE_CLASSES = 61, 32, 3, 5
QUIET = dict(bos_token_id=0, eos_token_id=0, pad_token_id=None, attn_implementation="sdpa")


def gpt2():
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=POSITIONS, n_embd=24, n_layer=2, n_head=3, activation_function="gelu_new",
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, tie_word_embeddings=True, **QUIET))


def llama():
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=POSITIONS, rms_norm_eps=1e-6, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, **QUIET))


def bert_config(**more):
    return transformers.BertConfig(
        vocab_size=VOCABULARY, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=48,
        max_position_embeddings=POSITIONS, hidden_act="gelu", hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, **QUIET, **more)


def bert():
    return transformers.BertForMaskedLM(bert_config())


def bert_classes():
    return transformers.BertForSequenceClassification(bert_config(num_labels=SENTENCE_CLASSES))


class SmallResNet(torchvision.models.ResNet):
    """ResNet-18 with the small-image stem (3x3, stride 1, no max pool), `width` planes in layer1 in place of 64;
    the names of its state_dict are torchvision's."""

    def __init__(self, width, channels, classes):
        self.width = width
        super().__init__(BasicBlock, [2, 2, 2, 2], num_classes=classes)
        self.conv1 = nn.Conv2d(channels, width, 3, stride=1, padding=1, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.Identity()
        self.fc = nn.Linear(8 * width, classes)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:  # the first call: what the stem gives
            self.inplanes = self.width
        return super()._make_layer(block, planes * self.width // 64, blocks, stride, dilate)


def resnet18(width=4, channels=3):
    return SmallResNet(width, channels, IMAGE_CLASSES)


class Recurrent(nn.Module):
    """Embedding, two bidirectional layers of `cell`, the last hidden state of the upper layer's forward direction (at the
    last present position) and of its backward direction (at position 0) side by side, a linear layer (`classifier`)."""

    def __init__(self, cell):
        super().__init__()
        self.name = cell.__name__.lower()
        self.embedding = nn.Embedding(VOCABULARY, 12)
        self.add_module(self.name, cell(12, 10, num_layers=2, bidirectional=True, batch_first=True))
        self.classifier = nn.Linear(20, SENTENCE_CLASSES)

    def forward(self, ids, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
        _, last = getattr(self, self.name)(packed)
        hidden = last[0] if isinstance(last, tuple) else last
        return self.classifier(torch.cat((hidden[-2], hidden[-1]), 1))


def lstm():
    return Recurrent(nn.LSTM)


def gru():
    return Recurrent(nn.GRU)


def logits(model, given):
    """Of "input" as the files hold it; zero where a position of a language model is absent."""
    if isinstance(model, torchvision.models.ResNet):
        return model(given)
    present = given >= 0
    ids = given.clamp(min=0).long()
    if isinstance(model, Recurrent):
        return model(ids, present.sum(1))
    found = model(input_ids=ids, attention_mask=present.long()).logits
    return found if found.dim() == 2 else found * present.unsqueeze(-1)


def mean_loss(found, label):
    """Mean cross-entropy over the labels that are not -1."""
    return F.cross_entropy(found.reshape(-1, found.shape[-1]), label.reshape(-1).long(), ignore_index=-1)


# ---- transformers computes parts of Llama in float32 whatever the model's type: the same formulas in float64 --------
class DoubleRMSNorm(nn.Module):
    def __init__(self, of):
        super().__init__()
        self.weight, self.eps = of.weight, of.variance_epsilon

    def forward(self, x):
        return x / torch.sqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


class DoubleRotary(nn.Module):
    """Angle of position p and pair i of a head of d: p * theta^(-2i/d); the halves of a head are the pairs' two places."""

    def __init__(self, config):
        super().__init__()
        self.theta, self.d = config.rope_parameters["rope_theta"], config.hidden_size // config.num_attention_heads

    def forward(self, x, position_ids):
        pairs = torch.arange(0, self.d, 2, dtype=torch.float64)
        angles = position_ids[..., None].double() * self.theta ** (-pairs / self.d)
        angles = torch.cat((angles, angles), -1)
        return angles.cos().to(x.dtype), angles.sin().to(x.dtype)


def in_double(model):
    """The model with every step in float64; its parameters keep their names."""
    model = model.double()
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, modeling_llama.LlamaRMSNorm):
                setattr(parent, name, DoubleRMSNorm(child))
            if isinstance(child, modeling_llama.LlamaRotaryEmbedding):
                setattr(parent, name, DoubleRotary(model.config))
    return model
