"""What an exported graph must have to answer here: places for a night's adapter, the states its gate reads, logits for
chosen tokens alone, and a vocabulary that is stored once. Rewrites the file that onnxruntime-genai's model builder
wrote; its weights stay beside it untouched. Knows nothing of who exports or runs it.

Shapes: B texts, T tokens, K in and N out of a matrix, r rank of an adapter (0: none), V vocabulary, d hidden width.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from hippo_mem.errors import ModelUnavailable
from hippo_mem.lm.quick.graph_names import LOGIT_ROWS, lora_names, state_name

_FLOAT = TensorProto.FLOAT
_LINEAR = re.compile(r"^/model/layers\.(\d+)/(?:attn|mlp)/(\w+_proj)/")


def prepare(source: Path, target: Path, layers: Sequence[int]) -> list[str]:
    """Write `target`, the graph of `source` with adapter inputs and states; both lie in one folder.

    Args: layers: which hidden states are given out; i is the output of the i-th block, from 1.
    Returns: the names of the linear maps that can take an adapter ("qkv_proj", "gate_proj", ...).
    Raises: ModelUnavailable when the graph has another shape than the builder's decoders.
    """
    model = onnx.load(source, load_external_data=False)
    linears = list(dict.fromkeys(_add_adapter_inputs(model.graph)))
    for layer in layers:
        _give_out(model.graph, layer)
    _choose_rows(model.graph)
    _share_vocabulary(model.graph)
    if not linears:
        raise ModelUnavailable(f"{source} has no linear map that an adapter could join")
    onnx.save(model, target)
    return linears


def _add_adapter_inputs(graph: Any) -> Iterator[str]:
    """y = W x becomes y = W x + B A x, with A and B as inputs of any rank."""
    nodes = []
    for node in graph.node:
        nodes.append(node)
        match = _LINEAR.match(node.name)
        if match is None or node.op_type not in ("MatMulNBits", "MatMul"):
            continue
        wide = _width(graph, node)
        a, b = lora_names(int(match[1]), match[2])
        rank = f"rank.{a}"  # its own name: the runtime takes equal names for equal sizes, and shares memory by them
        shapes: tuple[tuple[str, list[str | int | None]], ...] = ((a, [wide[0], rank]), (b, [rank, wide[1]]))
        for name, shape in shapes:
            graph.input.append(helper.make_tensor_value_info(name, _FLOAT, shape))
        out = node.output[0]
        node.output[0] = f"{out}/base"
        nodes += [
            helper.make_node("MatMul", [node.input[0], a], [f"{out}/lora_a"], name=f"{node.name}/lora_a"),
            helper.make_node("MatMul", [f"{out}/lora_a", b], [f"{out}/lora_b"], name=f"{node.name}/lora_b"),
            helper.make_node("Add", [f"{out}/base", f"{out}/lora_b"], [out], name=f"{node.name}/lora"),
        ]
        yield match[2]
    del graph.node[:]
    graph.node.extend(nodes)


def _width(graph: Any, node: Any) -> tuple[int, int]:
    """K and N of a linear map."""
    attributes = {a.name: a.i for a in node.attribute}
    if "K" in attributes:
        return attributes["K"], attributes["N"]
    weight = next(w for w in graph.initializer if w.name == node.input[1])
    return int(weight.dims[0]), int(weight.dims[1])


def _give_out(graph: Any, layer: int) -> None:
    """Make the residual stream after `layer` blocks an output."""
    name = f"/model/layers.{layer}/input_layernorm/SkipLayerNorm"
    node = next((n for n in graph.node if n.name == name), None)
    if node is None or len(node.output) < 4:
        raise ModelUnavailable(f"the exported graph has no hidden states after {layer} blocks ({name} is missing)")
    given, wanted = node.output[3], state_name(layer)
    graph.node.append(helper.make_node("Identity", [given], [wanted], name=f"/{wanted}"))
    graph.output.append(helper.make_tensor_value_info(wanted, _FLOAT, ["batch_size", "sequence_length", "hidden"]))


def _choose_rows(graph: Any) -> None:
    """Multiply by the vocabulary only the tokens whose logits are asked for: a prompt needs its last one's alone, and
    for a small model with a large vocabulary the rest is a fifth of reading it."""
    head = next((n for n in graph.node if n.name.startswith("/lm_head/MatMul")), None)
    if head is None:
        raise ModelUnavailable("the exported graph has no vocabulary head (/lm_head/MatMul)")
    graph.input.append(helper.make_tensor_value_info(LOGIT_ROWS, TensorProto.INT64, ["rows"]))
    chosen = "/lm_head/rows"
    gather = helper.make_node("Gather", [head.input[0], LOGIT_ROWS], [chosen], name=f"{chosen}/Gather", axis=1)
    head.input[0] = chosen
    logits = next(o for o in graph.output if o.name == "logits")
    logits.type.tensor_type.shape.dim[1].dim_param = "rows"
    at = list(graph.node).index(head)
    nodes = list(graph.node)
    nodes.insert(at, gather)
    del graph.node[:]
    graph.node.extend(nodes)


def _share_vocabulary(graph: Any) -> None:
    """Let the embedding read the 8-bit matrix of the vocabulary head instead of a float copy of it (tied models)."""
    head = next((n for n in graph.node if n.name.startswith("/lm_head/MatMul") and n.op_type == "MatMulNBits"), None)
    gather = next((n for n in graph.node if n.name == "/model/embed_tokens/Gather" and n.op_type == "Gather"), None)
    if head is None or gather is None:
        return
    bits = {a.name: a.i for a in head.attribute}
    weight = next(w for w in graph.initializer if w.name == gather.input[0])
    if bits["bits"] != 8 or bits["K"] % bits["block_size"] or list(weight.dims) != [bits["N"], bits["K"]]:
        return
    # Another name for the same bytes of the file, a row a word. A Reshape would be computed once and its result kept:
    # a second copy in memory of what is otherwise mapped, and read where a word is looked up.
    matrix = next(w for w in graph.initializer if w.name == head.input[1])
    rows = TensorProto()
    rows.CopyFrom(matrix)
    rows.name = "vocabulary"
    del rows.dims[:]
    rows.dims.extend([bits["N"], bits["K"]])
    graph.initializer.append(rows)
    at = list(graph.node).index(gather)
    new = [
        helper.make_node(
            "GatherBlockQuantized", ["vocabulary", gather.input[1], head.input[2]], list(gather.output),
            name="/model/embed_tokens/GatherBlockQuantized", domain="com.microsoft", bits=8,
            block_size=bits["block_size"], gather_axis=0, quantize_axis=1,
        ),
    ]  # fmt: skip
    nodes = list(graph.node)
    nodes[at : at + 1] = new
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.remove(weight)
