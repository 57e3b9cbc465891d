"""What the documentation site is made of besides its pages: equations, figures, the command line, and a last look."""
