/** What a TensorFlow.js model may consist of here: everything that runs once, in bounded steps, without state or outside resources. */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/**
 * Operators of tfjs-converter 4.22 without control flow (loops and branches), tensor lists, hash tables, what needs an
 * asynchronous run (Where, NonMaxSuppression), random numbers, printing, and TensorFlow Decision Forests.
 */
export const GRAPH_OPERATORS = words(`
  Add AddN AddV2 BiasAdd Div DivNoNan FloorDiv FloorMod Maximum Minimum Mod Mul Pow RealDiv SquaredDifference Sub
  Abs Acos Acosh Asin Asinh Atan Atan2 Atanh Ceil ClipByValue Complex ComplexAbs Cos Cosh Elu Erf Exp Expm1 Floor Imag
  IsFinite IsInf IsNan LeakyRelu Log Log1p Neg Prelu Real Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid Sign Sin Sinh
  Softplus Sqrt Square Tan Tanh
  AvgPool AvgPool3D Conv1D Conv2D Conv2DBackpropInput Conv3D DepthwiseConv2d DepthwiseConv2dNative Dilation2D
  FusedDepthwiseConv2dNative _FusedConv2D _FusedMatMul MaxPool MaxPool3D MaxPoolWithArgmax
  Fill LinSpace OneHot Ones OnesLike Range Zeros ZerosLike
  LowerBound TopKV2 Unique UniqueV2 UpperBound
  Const FakeQuantWithMinMaxVars Identity IdentityN NoOp Placeholder PlaceholderWithDefault Rank Shape ShapeN Size Snapshot
  StopGradient
  CropAndResize ImageProjectiveTransformV3 ResizeBilinear ResizeNearestNeighbor
  BitwiseAnd Equal Greater GreaterEqual Less LessEqual LogicalAnd LogicalNot LogicalOr NotEqual Select SelectV2
  BatchMatMul BatchMatMulV2 Einsum MatMul MatrixBandPart Transpose
  EuclideanNorm FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LRN LogSoftmax Softmax
  RaggedGather RaggedRange RaggedTensorToTensor
  All Any ArgMax ArgMin Bincount Cumprod Cumsum DenseBincount Max Mean Min Prod Sum
  Concat ConcatV2 Gather GatherNd GatherV2 Pack Reverse ReverseV2 ScatterNd Slice SparseToDense Split SplitV StridedSlice
  TensorScatterUpdate Tile Unpack
  SparseFillEmptyRows SparseReshape SparseSegmentMean SparseSegmentSum
  FFT IFFT IRFFT RFFT StaticRegexReplace StringNGrams StringSplit StringToHashBucketFast
  BatchToSpaceND BroadcastArgs BroadcastTo Cast DepthToSpace EnsureShape ExpandDims MirrorPad Pad PadV2 Reshape
  SpaceToBatchND Squeeze
`);

/** Loops and branches: named in the refusal, since they are what a converted model has most often. */
export const CONTROL_FLOW = words(`
  If StatelessIf While StatelessWhile Enter Exit NextIteration LoopCond Merge Switch
`);

/** Classes of tfjs-layers 4.22: layers, models, initialisers, regularisers, constraints. No Lambda, nothing registered by an application. */
export const LAYER_CLASSES = words(`
  Model Functional Sequential InputLayer
  ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax Activation
  Conv1D Conv2D Conv3D Conv2DTranspose Conv3DTranspose SeparableConv2D DepthwiseConv2D Cropping2D UpSampling2D
  RNN SimpleRNN SimpleRNNCell GRU GRUCell LSTM LSTMCell StackedRNNCells ConvLSTM2D ConvLSTM2DCell Bidirectional
  TimeDistributed
  Dense Dropout SpatialDropout1D Flatten RepeatVector Reshape Permute Masking Embedding
  Add Multiply Average Maximum Minimum Concatenate Dot
  GaussianNoise GaussianDropout AlphaDropout BatchNormalization LayerNormalization ZeroPadding2D
  MaxPooling1D AveragePooling1D MaxPooling2D AveragePooling2D MaxPooling3D AveragePooling3D
  GlobalAveragePooling1D GlobalMaxPooling1D GlobalAveragePooling2D GlobalMaxPooling2D
  Rescaling CenterCrop CategoryEncoding Resizing
  Zeros Ones Constant RandomUniform RandomNormal TruncatedNormal Identity VarianceScaling GlorotUniform GlorotNormal
  HeNormal HeUniform LeCunNormal LeCunUniform Orthogonal
  L1L2 L1 L2 MaxNorm UnitNorm NonNeg MinMaxNorm
`);
