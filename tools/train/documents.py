"""Designs as `layered-design/1` documents, one for each task, with relative pixel URIs."""

def base(design, captions_of):
    """Document without a task: canvas and layers; pixels are NAME.png beside it."""
    layers = []
    for z, layer in enumerate(design["layers"]):
        entry = {"id": layer["id"], "kind": {"background": "background", "text": "text"}.get(layer["kind"], "image"), "z": z,
                 "box": [int(v) for v in layer["box"]], "caption": captions_of(layer)}
        if layer["kind"] == "text":
            entry["text"] = {"string": layer["string"]}
        layers.append(entry)
    return {"format": "layered-design/1", "canvas": {"width": design["width"], "height": design["height"]}, "layers": layers}


def with_task(document, task, targets, prompt, seed=1):
    """The document of a task; targets are layer ids (add and restyle). Steps and guidance are the checkpoint's own."""
    out = {**document, "prompt": {"global": prompt}, "sampling": {"seed": seed}}
    layers = [dict(l) for l in document["layers"]]
    if task in ("add", "restyle"):
        out["task"] = {"type": task, "targets": list(targets)}
        for layer in layers:
            if layer["id"] not in targets:
                layer["source"] = {"uri": f"{layer['id']}.png"}
            elif task == "restyle":
                layer["reference"] = {"uri": f"{layer['id']}.reference.png"}
    else:
        out["task"] = {"type": task}
        if task == "i2l":
            out["task"]["image"] = {"uri": "composed.png"}
    return {**out, "layers": layers}
