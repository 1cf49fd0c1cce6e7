"""Graphs that do more than compute: refused in one line, before TensorFlow runs anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.bundles import formats
from search.bundles.formats import saved_graph
from search.system.keras_backend import tf
from tests.search.bundles.formats.test_formats import exported
from tracking.commandline.errors import UserError

# Each reads or writes a file, opens a connection, calls Python, or leaves something behind.
HOSTILE = (
    *("WriteFile", "ReadFile", "MatchingFiles", "SaveV2", "RestoreV2", "Save", "SaveSlices"),
    *("MergeV2Checkpoints", "ShardedFilename", "Restore", "RestoreSlice", "PyFunc", "EagerPyFunc"),
    *("PyFuncStateless", "CacheDataset", "CacheDatasetV2", "SnapshotDataset", "SnapshotDatasetV2"),
    *("CSVDataset", "CSVDatasetV2", "CreateSummaryFileWriter", "CreateSummaryDbWriter"),
    *("InitializeTableFromTextFile", "InitializeTableFromTextFileV2", "MatchingFilesDataset"),
    *("DebugIdentity", "DebugIdentityV2", "RegisterDataset", "RegisterDatasetV2"),
    *("DatasetToTFRecord", "SaveDataset", "SaveDatasetV2", "LoadDataset", "TextLineDataset"),
    *("TFRecordDataset", "TFRecordDatasetV2", "FixedLengthRecordDataset", "SqlDataset"),
    *("WholeFileReaderV2", "TextLineReaderV2", "FixedLengthRecordReaderV2", "LMDBReader"),
    *("ImmutableConst", "DataServiceDataset", "RemoteCall", "RpcCall", "Send", "Print", "PrintV2"),
    *("LookupTableExportV2", "WriteSummary", "TensorArrayV3", "SymbolicGradient"),
    "NoSuchOperation",
)
PLACES = ("graph", "function", "saved function")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The graph of an export."""
    folder = exported(tmp_path_factory.mktemp("honest"), "nbsvm", ("saved_model",))
    return (folder / "saved_model" / "saved_model.pb").read_bytes()


def parsed(content: bytes) -> Any:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    return SavedModel.FromString(content)


def computing(graph: Any) -> Any:
    """The first function that is not the saver's, which is dropped with all that is in it."""
    return next(
        function
        for function in graph.library.function
        if not any(node.op in ("SaveV2", "RestoreV2") for node in function.node_def)
    )


def add(saved: Any, operation: str, place: str) -> None:
    """Hide an operation in a graph."""
    graph = saved.meta_graphs[0].graph_def
    match place:
        case "graph":
            graph.node.add(name="hostile", op=operation)
        case "function":
            computing(graph).node_def.add(name="hostile", op=operation)
        case "saved function":
            function = graph.library.function.add()
            function.signature.name = "hostile"
            function.node_def.add(name="hostile", op=operation)


@pytest.mark.parametrize("operation", HOSTILE)
def test_an_operation_that_no_export_has_is_refused_wherever_it_hides(
    honest: bytes, operation: str
) -> None:
    for place in PLACES:
        saved = parsed(honest)
        add(saved, operation, place)
        with pytest.raises(ValueError, match=f"has the operation '{operation}'"):
            saved_graph.checked(saved.SerializeToString())


def test_an_export_passes_and_loses_its_saver(honest: bytes) -> None:
    found = {node.op for node in saved_graph._nodes(parsed(honest).meta_graphs[0].graph_def)}
    (meta,) = parsed(saved_graph.checked(honest)).meta_graphs
    left = {node.op for node in saved_graph._nodes(meta.graph_def)}
    assert {"SaveV2", "RestoreV2", "MergeV2Checkpoints"} <= found - left
    assert left <= saved_graph.OPERATIONS
    assert not meta.HasField("saver_def")


def test_what_hides_in_the_saver_goes_with_it(honest: bytes) -> None:
    saved = parsed(honest)
    for function in saved.meta_graphs[0].graph_def.library.function:
        if any(node.op in ("SaveV2", "RestoreV2") for node in function.node_def):
            function.node_def.add(name="hostile", op="WriteFile")
    (meta,) = parsed(saved_graph.checked(saved.SerializeToString())).meta_graphs
    assert "WriteFile" not in {node.op for node in saved_graph._nodes(meta.graph_def)}


def a_second_graph(saved: Any) -> None:
    saved.meta_graphs.add().CopyFrom(saved.meta_graphs[0])
    saved.meta_graphs[1].graph_def.node.add(name="hostile", op="WriteFile")


def no_graph(saved: Any) -> None:
    del saved.meta_graphs[:]


def the_older_kind(saved: Any) -> None:
    saved.meta_graphs[0].ClearField("object_graph_def")


def an_asset(saved: Any) -> None:
    saved.meta_graphs[0].asset_file_def.add(filename="../../secret.txt")


def an_asset_among_the_objects(saved: Any) -> None:
    saved.meta_graphs[0].object_graph_def.nodes.add().asset.asset_file_def_index = 0


def a_class_of_elsewhere(saved: Any) -> None:
    saved.meta_graphs[0].object_graph_def.nodes.add().user_object.identifier = "_tf_keras_layer"


def a_registered_saver(saved: Any) -> None:
    saved.meta_graphs[0].object_graph_def.nodes[0].registered_saver = "tf.Saver"


def an_object_that_saves_itself(saved: Any) -> None:
    saved.meta_graphs[0].object_graph_def.nodes[0].saveable_objects["x"].save_function = 1


def a_call_of_the_saver(saved: Any) -> None:
    graph = saved.meta_graphs[0].graph_def
    name = next(
        function.signature.name
        for function in graph.library.function
        if any(node.op == "SaveV2" for node in function.node_def)
    )
    call = computing(graph).node_def.add(name="x", op="StatefulPartitionedCall")
    call.attr["f"].func.name = name


def an_operation_that_poses_as_the_saver(saved: Any) -> None:
    """Its function goes with the saver's, so whoever calls it calls nobody."""
    meta = saved.meta_graphs[0]
    serve = next(iter(meta.object_graph_def.concrete_functions))
    node = meta.graph_def.node.add(name="posing", op="StatefulPartitionedCall")
    node.attr["f"].func.name = serve
    meta.saver_def.restore_op_name = "posing"


def a_constant_of_400_gigabytes(saved: Any) -> None:
    node = computing(saved.meta_graphs[0].graph_def).node_def.add(name="x", op="Const")
    node.attr["value"].tensor.dtype = 1
    node.attr["value"].tensor.float_val.append(1.0)
    node.attr["value"].tensor.tensor_shape.dim.add(size=10**11)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (a_second_graph, "has one graph, but this one has 2"),
        (no_graph, "has one graph, but this one has 0"),
        (the_older_kind, "has an object graph"),
        (an_asset, "has no assets"),
        (an_asset_among_the_objects, "has the object 'asset"),
        (a_class_of_elsewhere, "has the object 'user_object _tf_keras_layer"),
        (a_registered_saver, "has the object"),
        (an_object_that_saves_itself, "has the object"),
        (a_call_of_the_saver, "calls the function '__inference__traced_save"),
        (an_operation_that_poses_as_the_saver, "the saver's or nobody's|has the operation"),
        (a_constant_of_400_gigabytes, "constants are larger than the file"),
    ],
)
def test_what_no_export_has_is_refused(
    honest: bytes, harm: Callable[[Any], None], said: str
) -> None:
    saved = parsed(honest)
    harm(saved)
    with pytest.raises(ValueError, match=said):
        saved_graph.checked(saved.SerializeToString())


def write_file(canary: str, text: Any) -> Any:
    return tf.raw_ops.WriteFile(filename=canary, contents=text[0])


def save(canary: str, text: Any) -> Any:
    names = {"tensor_names": ["x"], "shape_and_slices": [""]}
    return tf.raw_ops.SaveV2(prefix=canary, tensors=[text], **names)


def to_records(canary: str, text: Any) -> Any:
    one = tf.raw_ops.TensorSliceDataset(components=[text], output_shapes=[[]])
    return tf.raw_ops.DatasetToTFRecord(input_dataset=one, filename=canary, compression_type="")


def debug(canary: str, text: Any) -> Any:
    return tf.raw_ops.DebugIdentityV2(
        input=text,
        tfdbg_context_id="x",
        op_name="x",
        tensor_debug_mode=8,
        debug_urls=[f"file://{canary}"],
    )


def summary(canary: str, text: Any) -> Any:
    writer = tf.raw_ops.SummaryWriter(shared_name="x", container="")
    return tf.raw_ops.CreateSummaryFileWriter(
        writer=writer, logdir=canary, max_queue=1, flush_millis=1, filename_suffix=""
    )


def merge(canary: str, text: Any) -> Any:
    with tf.control_dependencies([save(canary + "-part", text)]):
        return tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=[canary + "-part"],
            destination_prefix=canary,
            delete_old_dirs=False,
        )


@pytest.mark.parametrize("harm", [write_file, save, to_records, debug, summary, merge])
def test_nothing_of_a_hostile_graph_is_run(
    harm: Callable[[str, Any], Any], tmp_path: Path
) -> None:
    place = tmp_path / "harmed"
    place.mkdir()

    class Hostile(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def serve(self, text: Any) -> Any:
            with tf.control_dependencies([harm(str(place / "canary"), text)]):
                return {"probabilities": tf.zeros([1, 2])}

    hostile = Hostile()
    target = tmp_path / "saved_model"
    tf.saved_model.save(hostile, str(target), signatures={"serving_default": hostile.serve})
    with pytest.raises(UserError, match=r"is refused: a model computes, .*") as refused:
        formats.open_score("saved_model", tmp_path)
    assert "\n" not in str(refused.value)
    assert list(place.iterdir()) == []
    # It would have done harm.
    tf.saved_model.load(str(target)).signatures["serving_default"](text=tf.constant(["x"]))
    assert list(place.iterdir()) != []


def test_a_graph_that_nobody_looked_at_is_not_taken(honest: bytes, tmp_path: Path) -> None:
    """TensorFlow would read these instead of, or beside, saved_model.pb."""
    folder = exported(tmp_path, "nbsvm", ("saved_model",)) / "saved_model"
    (folder / "saved_model.cpb").write_bytes(b"hostile")
    (folder / "saved_model.pbtxt").write_text("hostile")
    (folder / "fingerprint.pb").write_bytes(b"hostile")
    assert formats.open_score("saved_model", tmp_path)(["the film"]).shape == (1, 2)


def test_variables_larger_than_their_file_are_refused(tmp_path: Path) -> None:
    folder = exported(tmp_path, "nbsvm", ("saved_model",)) / "saved_model" / "variables"
    data = folder / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(UserError, match=r"its variables take [\d,]+ bytes, but the file has 100"):
        formats.open_score("saved_model", tmp_path)


def test_a_graph_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "saved_model").mkdir()
    with (tmp_path / "saved_model" / "saved_model.pb").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(UserError, match="at most 67,108,864 are read"):
        formats.open_score("saved_model", tmp_path)
