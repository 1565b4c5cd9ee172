# SPDX-License-Identifier: BSD-3-Clause
import os

from spack.package import *

try:
    from spack_repo.builtin.build_systems.autotools import AutotoolsPackage
except ImportError:
    pass  # before Spack 1.0 it comes from spack.package


class Simclr(AutotoolsPackage):
    """Contrastive pretraining of image encoders (SimCLR) on CPU clusters over MPI."""

    # The tarball of `make dist`, in the folder where spack is started.
    url = f"file://{os.getcwd()}/simclr-0.1.0.tar.gz"
    manual_download = True

    license("BSD-3-Clause")

    version("0.1.0")

    variant("jpeg", default=True, description="Read JPEG files")
    variant("lbfgs", default=True, description="probe --method=linear-lbfgs")
    variant("safetensors", default=True, description="Read and write weights as safetensors")
    variant("plots", default=True, description="Curves by gnuplot")

    depends_on("c", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi@3:")
    depends_on("blis threads=none")
    depends_on("hdf5@1.10:")
    depends_on("libpng")
    depends_on("zlib-api")
    depends_on("jpeg", when="+jpeg")
    depends_on("liblbfgs", when="+lbfgs")
    depends_on("jansson", when="+safetensors")
    depends_on("gnuplot", when="+plots", type="run")
    depends_on("check@0.15:", type="test")

    def configure_args(self):
        spec = self.spec
        args = [
            f"CC={spec['mpi'].mpicc}",
            f"BLIS_CFLAGS=-I{spec['blis'].prefix.include.blis}",
            f"BLIS_LIBS=-L{spec['blis'].prefix.lib} -lblis -lm",
            f"HDF5_CFLAGS={spec['hdf5'].headers.include_flags}",
            f"HDF5_LIBS={spec['hdf5'].libs.ld_flags}",
        ]
        if spec.satisfies("+lbfgs"):
            args += [f"CPPFLAGS=-I{spec['liblbfgs'].prefix.include}", f"LDFLAGS=-L{spec['liblbfgs'].prefix.lib}"]
        return args
