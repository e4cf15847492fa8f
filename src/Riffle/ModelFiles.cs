using Riffle.Formats;
using Riffle.Models;

namespace Riffle;

/// <summary>Reads models from files. Apart from <see cref="Model"/>, because every kind of model file depends on that.</summary>
public static class ModelFiles
{
    extension(Model)
    {
        /// <summary>Reads a model from any supported file.</summary>
        /// <param name="path">A checkpoint file, a run folder (its best checkpoint) or an ONNX file.</param>
        /// <param name="hints">What an ONNX file may not contain.</param>
        /// <exception cref="RiffleException">The file does not exist, or Riffle can't run the network.</exception>
        /// <exception cref="BadDataException">The file is damaged, or not a model.</exception>
        /// <exception cref="ArgumentException">Hints are given for a checkpoint, which needs none, or do not fit the network.</exception>
        public static Model Open(string path, OnnxHints? hints = null)
        {
            if (OnnxFile.IsOnnx(path))
            {
                ForeignFile.RequireKind(path, FileKind.Onnx);
                return OnnxFile.Read(path, hints);
            }

            return hints is null or { Classes: null, Normalisation: null }
                ? Checkpoint.Open(path)
                : throw new ArgumentException($"{path}: a checkpoint has its own classes and normalisation, so none can be given for it");
        }
    }
}
