using Riffle.Formats;
using Riffle.Models;

namespace Riffle;

/// <summary>Reads models from files. Apart from <see cref="Model"/>, because every kind of model file depends on that.</summary>
public static class ModelFiles
{
    extension(Model)
    {
        /// <summary>Reads a model from a file of any kind that there is.</summary>
        /// <param name="path">A checkpoint file, a run folder, whose best checkpoint is taken, or an ONNX file.</param>
        /// <param name="hints">What an ONNX file may not tell.</param>
        /// <exception cref="RiffleException">There is none, or Riffle can't run it.</exception>
        /// <exception cref="BadDataException">It is damaged, or no model.</exception>
        /// <exception cref="ArgumentException">Hints are given for a checkpoint, which tells all of it itself, or do not fit the network.</exception>
        public static Model Open(string path, OnnxHints? hints = null)
        {
            if (OnnxFile.IsOne(path))
            {
                ForeignFile.RequireKind(path, FileKind.Onnx);
                return OnnxFile.Read(path, hints);
            }

            return hints is null or { Classes: null, Normalisation: null }
                ? Checkpoint.Load(path)
                : throw new ArgumentException($"{path}: a checkpoint tells its classes and its normalisation itself; leave these options out");
        }
    }
}
