mod writer_view;
pub(crate) use writer_view::WriterView;
